"use strict";
/* What Python packed: base64 of gzip, as bytes and as text. */
((sepconv) => {
  function bytes(base64) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
    return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  }

  function gunzip(packed) {
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }

  const text = async (base64) => new TextDecoder().decode(await gunzip(bytes(base64.trim())));

  sepconv.packed = Object.freeze({ bytes, gunzip, text });
})(window.sepconv ??= {});
