"""What a run says, for people: a sentence, and one self-contained page."""
