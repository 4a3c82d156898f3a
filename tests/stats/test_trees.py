"""Trees out of their engines, as arrays whose root is the first node."""

from onecart.stats.trees import Tree, of_lightgbm


def test_a_dumped_tree_is_read_root_first_and_left_before_right() -> None:
    inner = {"split_feature": 1, "threshold": 4.0, "internal_value": 0.25, "internal_count": 30}
    inner |= {
        "left_child": {"leaf_value": 0.5, "leaf_count": 10},
        "right_child": {"leaf_value": 0.125, "leaf_count": 20},
    }
    root = {"split_feature": 2, "threshold": -1.5, "internal_value": 0.0, "internal_count": 70}
    root |= {"left_child": inner, "right_child": {"leaf_value": -0.75, "leaf_count": 40}}
    assert of_lightgbm(root) == Tree(
        feature=[2, 1, -1, -1, -1],
        threshold=[-1.5, 4.0, 0.0, 0.0, 0.0],
        left=[1, 2, -1, -1, -1],
        right=[4, 3, -1, -1, -1],
        value=[0.0, 0.25, 0.5, 0.125, -0.75],
        cover=[70.0, 30.0, 10.0, 20.0, 40.0],
    )


def test_a_tree_of_one_leaf_is_its_root() -> None:
    assert of_lightgbm({"leaf_value": 0.3}) == Tree([-1], [0.0], [-1], [-1], [0.3], [1.0])
