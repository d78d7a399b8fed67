import pytest

from sepconv.errors import InvalidSuite
from sepconv.suite import CASE_LIMIT, Suite

AXES = {"conv_type": ["standard"], "channels": [16], "resolution": [28]}


def expand(axes, **keys):
    suite = Suite.from_dict({"name": "sweep", "axes": AXES | axes, **keys})
    return suite.expand(devices=("cpu", "cuda"), logical_cores=8)


def load(tmp_path, text):
    path = tmp_path / "sweep.toml"
    path.write_text(text, encoding="utf-8")
    return Suite.load(path)


def test_a_suite_is_read_as_its_file_states_it(tmp_path):
    suite = load(
        tmp_path,
        """
        name = "sweep"
        description = "two shapes"
        metrics = ["latency_s", "macs"]
        time_budget = "1.5m"
        precision = "3%"
        [axes]
        conv_type = ["standard", "spatially_separable"]
        channels = [16, 32]
        resolution = [28]
        kernel_size = [3, [3, 1]]
        options.mode = ["full", "depthwise"]
        [[include]]
        conv_type = "standard"
        channels = 8
        resolution = 7
        [[exclude]]
        channels = 32
        kernel_size = [[3, 1]]
        """,
    )

    assert suite.metrics == ("latency_s", "macs")
    assert suite.time_budget_s == 90
    assert suite.precision == 0.03
    assert suite.description == "two shapes"
    assert len(suite.digest) == 16
    assert [case.label for case in suite.expand()] == [
        "standard-16-28x28-k3-s1-b1-cpu",
        "standard-16-28x28-k3x1-s1-b1-cpu",
        "standard-32-28x28-k3-s1-b1-cpu",
        "spatially_separable-16-28x28-k3-s1-b1-cpu",
        "spatially_separable-16-28x28-k3-s1-b1-cpu-mode=depthwise",
        "spatially_separable-16-28x28-k3x1-s1-b1-cpu",
        "spatially_separable-16-28x28-k3x1-s1-b1-cpu-mode=depthwise",
        "spatially_separable-32-28x28-k3-s1-b1-cpu",
        "spatially_separable-32-28x28-k3-s1-b1-cpu-mode=depthwise",
        "standard-8-7x7-k3-s1-b1-cpu",
    ]


def test_channels_and_resolution_speak_of_two_axes_at_once():
    (case,) = expand({})

    assert (case.in_channels, case.out_channels) == (16, 16)
    assert (case.height, case.width) == (28, 28)


def test_a_list_within_a_list_is_a_pair():
    cases = expand({"kernel_size": [3, [3, 1], [5, 5]], "padding": [[0, 1]]})

    assert [case.kernel_size for case in cases] == [3, (3, 1), 5]
    assert all(case.padding == (0, 1) for case in cases)


@pytest.mark.parametrize("allocators", [["tuned"], ["default", "tuned"]], ids=str)
def test_a_suite_says_under_which_allocators_it_is_measured(allocators):
    suite = Suite.from_dict({"name": "sweep", "axes": AXES, "allocators": allocators})

    assert suite.allocators == tuple(allocators)


def test_a_suite_that_says_nothing_of_allocators_leaves_them_to_the_command():
    assert Suite.from_dict({"name": "sweep", "axes": AXES}).allocators == ()


def test_available_devices_and_all_threads_are_those_of_the_machine():
    cases = expand({"device": ["available"], "threads": [1, "all"]})

    assert [(case.device, case.threads) for case in cases] == [
        ("cpu", 1),
        ("cpu", 8),
        ("cuda", 1),
        ("cuda", 8),
    ]


@pytest.mark.parametrize(
    ("device", "wants"), [(["available"], True), (["cpu"], False), (["cpu", "available"], True)]
)
def test_a_suite_knows_whether_it_depends_on_the_machine(device, wants):
    suite = Suite.from_dict({"name": "sweep", "axes": AXES | {"device": device}})

    assert suite.wants_devices is wants


def test_an_axis_that_does_not_apply_makes_no_second_case():
    cases = expand(
        {
            "conv_type": ["standard", "depthwise_separable", "spatially_separable"],
            "options": {"mode": ["full", "depthwise"], "depth_multiplier": [1, 2]},
        }
    )

    assert [(case.conv_type, dict(case.options)) for case in cases] == [
        ("standard", {}),
        ("depthwise_separable", {"depth_multiplier": 1}),
        ("depthwise_separable", {"depth_multiplier": 2}),
        ("spatially_separable", {"mode": "full"}),
        ("spatially_separable", {"mode": "depthwise"}),
    ]


THREE = {
    "conv_type": ["standard", "spatially_separable"],
    "options": {"mode": ["full", "depthwise"]},
}
WHOLE = {"conv_type": "standard", "channels": 8, "resolution": 7}


def test_own_conv_types_take_part_wherever_built_in_ones_do():
    suite = Suite.from_dict({"name": "sweep", "axes": AXES | THREE, "include": [WHOLE]})

    cases = suite.expand(conv_types=("mine", "yours"))

    assert set(suite.expand()) < set(cases)
    assert [(case.conv_type, case.in_channels) for case in cases if "s" not in case.conv_type] == [
        ("mine", 16),
        ("mine", 8),
    ]
    assert sum(case.conv_type == "yours" for case in cases) == 2


def test_own_conv_types_are_spared_the_options_of_built_in_ones():
    suite = Suite.from_dict({"name": "sweep", "axes": AXES | THREE})

    (mine,) = (case for case in suite.expand(conv_types=["mine"]) if case.conv_type == "mine")

    assert dict(mine.options) == {}


@pytest.mark.parametrize(
    "keys",
    [
        {"axes": AXES | {"conv_type": ["standard", "mine"], "options": {"split": [2]}}},
        {"include": [WHOLE | {"conv_type": "mine", "options": {"split": 2}}]},
    ],
    ids=["in the axes", "in an include"],
)
def test_a_suite_that_names_own_conv_types_decides_where_they_appear(keys):
    suite = Suite.from_dict({"name": "sweep", "axes": AXES} | keys)

    cases = suite.expand(conv_types=("mine", "yours"))

    assert cases == suite.expand()
    assert [dict(case.options) for case in cases if case.conv_type == "mine"] == [{"split": 2}]


def test_an_exclude_removes_own_conv_types_too():
    suite = Suite.from_dict(
        {
            "name": "sweep",
            "axes": AXES | {"stride": [1, 2]},
            "exclude": [{"conv_type": "mine", "stride": 2}],
        }
    )

    cases = suite.expand(conv_types=["mine"])

    assert [(case.conv_type, case.stride) for case in cases if case.conv_type == "mine"] == [
        ("mine", 1)
    ]


def test_own_conv_types_count_towards_the_limit():
    many = {"batch_size": list(range(1, 300)), "threads": list(range(1, 300))}
    suite = Suite.from_dict({"name": "big", "axes": AXES | many})

    with pytest.raises(InvalidSuite, match=f"at most {CASE_LIMIT}"):
        suite.expand(conv_types=["mine"])


def test_the_same_case_twice_is_one_case():
    assert len(expand({"padding": ["auto", 1, "same", [1, 1]]})) == 1


def test_an_exclude_removes_what_has_all_of_its_values():
    cases = expand(
        {"channels": [16, 32], "stride": [1, 2]}, exclude=[{"channels": 32, "stride": [1, 2]}]
    )

    assert [(case.in_channels, case.stride) for case in cases] == [(16, 1), (16, 2)]


def test_an_include_is_not_excluded():
    table = {"conv_type": "standard", "channels": 16, "resolution": 28}

    assert len(expand({}, exclude=[{"channels": 16}], include=[table])) == 1


def test_an_include_alone_makes_a_suite():
    suite = Suite.from_dict(
        {
            "name": "one",
            "include": [{"conv_type": "standard", "channels": [8, 16], "resolution": 7}],
        }
    )

    assert [case.in_channels for case in suite.expand()] == [8, 16]


@pytest.mark.parametrize(
    ("keys", "key", "found"),
    [
        ({"nam": "x"}, "nam", "x"),
        ({"name": " "}, "name", " "),
        ({"name": 3}, "name", 3),
        ({"axes": []}, "axes", []),
        ({"axes": {"chanels": [1]}}, "axes.chanels", "chanels"),
        ({"axes": {"channels": 16}}, "axes.channels", 16),
        ({"axes": {"channels": []}}, "axes.channels", []),
        ({"axes": {"options": ["mode"]}}, "axes.options", "options"),
        ({"axes": AXES | {"options": {"mode": ["full"]}}}, "axes.options.mode", "options.mode"),
        ({"metrics": []}, "metrics", []),
        ({"metrics": ["speed"]}, "metrics", "speed"),
        ({"time_budget": "soon"}, "time_budget", "soon"),
        ({"time_budget": 60}, "time_budget", 60),
        ({"precision": "0%"}, "precision", "0%"),
        ({"allocators": "tuned"}, "allocators", "tuned"),
        ({"allocators": []}, "allocators", []),
        ({"allocators": ["tuned", "jemalloc"]}, "allocators", "jemalloc"),
        ({"allocators": ["default", "default"]}, "allocators", "default"),
        ({"include": {"channels": 3}}, "include", {"channels": 3}),
        ({"include": [{}]}, "include 1", {}),
        ({"exclude": [{"stride": 1}, {"strides": 1}]}, "exclude 2", "strides"),
    ],
    ids=str,
)
def test_a_wrong_key_or_value_is_named_with_the_file(keys, key, found):
    with pytest.raises(InvalidSuite) as caught:
        Suite.from_dict({"name": "sweep", "axes": AXES, **keys}, source="sweep.toml")

    assert (caught.value.source, caught.value.key, caught.value.found) == ("sweep.toml", key, found)
    assert str(caught.value).startswith(f"sweep.toml: {key}: expected ")


@pytest.mark.parametrize(
    ("axes", "key", "expected"),
    [
        ({"channels": [0]}, "axes.channels", "at least 1"),
        ({"stride": [1, -2]}, "axes.stride", "at least 1"),
        ({"resolution": [1], "kernel_size": [5], "padding": [0]}, "axes.resolution", "at least 5"),
        ({"dtype": ["int8"]}, "axes.dtype", "one of float32"),
    ],
    ids=str,
)
def test_a_value_that_no_case_can_have_is_named_by_its_axis(axes, key, expected):
    with pytest.raises(InvalidSuite, match=expected) as caught:
        expand(axes)

    assert caught.value.key == key


def test_a_sweep_without_a_size_says_what_is_missing():
    suite = Suite.from_dict({"name": "sweep", "axes": {"conv_type": ["standard"]}})

    with pytest.raises(InvalidSuite, match="also in_channels, out_channels, height, width"):
        suite.expand()


def test_a_sweep_that_would_take_months_is_refused():
    many = list(range(1, 400))

    with pytest.raises(InvalidSuite, match=f"at most {CASE_LIMIT}"):
        Suite.from_dict(
            {"name": "big", "axes": AXES | {"batch_size": many, "threads": many}}
        ).expand()


@pytest.mark.parametrize(
    ("content", "expected"), [(b"name = ", "TOML in UTF-8"), (b"\xff", "TOML in UTF-8")]
)
def test_a_file_that_is_no_toml_is_named(tmp_path, content, expected):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)

    with pytest.raises(InvalidSuite, match=expected) as caught:
        Suite.load(path)

    assert caught.value.source == str(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InvalidSuite, match=r"nowhere\.toml: file: expected a readable file"):
        Suite.load(tmp_path / "nowhere.toml")
