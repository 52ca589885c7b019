from aespo.avatar import contours


def test_a_name_has_one_island_and_two_names_have_two() -> None:
    assert contours("acme") == contours("acme")
    assert contours("acme") != contours("globex")


def test_it_lies_within_its_view_box() -> None:
    for number in range(500):
        for line in contours(f"tenant-{number}"):
            coordinates = [float(part) for part in line.strip("MZ").replace("Q", " ").split()]
            assert 0 < min(coordinates) < max(coordinates) < 100
