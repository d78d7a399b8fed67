from sepconv.comparison import Detail
from sepconv.judge.workload import details_of, pair_metrics
from sepconv.record import Facts

BASE = Facts({"params": 100, "macs": 5000, "allocations": 3, "allocated_bytes": 1 << 20})


def test_the_same_work_in_the_same_memory_has_no_detail():
    assert details_of(pair_metrics(BASE, BASE)) == ()


def test_one_parameter_more_is_another_workload():
    metrics = pair_metrics(BASE, BASE.and_also(Facts({"params": 101})))

    assert details_of(metrics) == (Detail.WORKLOAD_CHANGED,)
    assert metrics["params"] == (100, 101)


def test_an_allocation_more_is_told_and_one_less_is_not():
    more = pair_metrics(BASE, BASE.and_also(Facts({"allocations": 4})))
    less = pair_metrics(BASE, BASE.and_also(Facts({"allocations": 2})))

    assert details_of(more) == (Detail.ALLOCATES_MORE,)
    assert details_of(less) == ()


def test_a_few_bytes_more_are_a_size_class_and_a_tenth_is_not():
    few = pair_metrics(BASE, BASE.and_also(Facts({"allocated_bytes": (1 << 20) + 64})))
    tenth = pair_metrics(BASE, BASE.and_also(Facts({"allocated_bytes": 1.1 * (1 << 20)})))

    assert details_of(few) == ()
    assert details_of(tenth) == (Detail.ALLOCATES_MORE,)


def test_page_faults_are_told_and_are_no_evidence():
    """Of identical code a call had 0 and 440 of them, as its process' heap happened to be."""
    facts = [Facts({"minor_faults_per_call": count}) for count in (0, 440)]

    metrics = pair_metrics(*facts)

    assert metrics == {"minor_faults_per_call": (0, 440)}
    assert details_of(metrics) == ()


def test_what_one_side_does_not_tell_says_nothing():
    metrics = pair_metrics(None, BASE)

    assert metrics["params"] == (None, 100)
    assert details_of(metrics) == ()
