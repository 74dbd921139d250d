"""Every family in the catalog has what the contract asks for, and they get along."""

import pytest

from pocket_fast.models import catalog
from pocket_fast.models.contract import Choice, Family, StoredModel


def members(protocol):
    return {name for name in (*protocol.__annotations__, *vars(protocol)) if not name.startswith("_")}


@pytest.mark.parametrize("family", catalog.families(), ids=lambda family: family.title)
def test_a_family_has_everything(family):
    assert [name for name in members(Family) if not hasattr(family, name)] == []
    assert len(set(family.names)) == len(family.names)
    assert all(family.knows(name) for name in family.names)
    assert all(catalog.find_family(name) is family for name in family.names)


def test_the_default_choice_has_everything():
    choice = catalog.choose({})
    assert [name for name in members(Choice) if not hasattr(choice, name)] == []
    stored = choice.stand_in.stored(progress=False)
    assert [name for name in members(StoredModel) if not hasattr(stored, name)] == []


def test_an_option_is_of_one_type_in_all_families():
    types = {}
    for family in catalog.families():
        for setting in family.settings:
            assert types.setdefault(setting.spelling, setting.type) is setting.type
        for option in family.model_options:
            assert types.setdefault(f"--{option.name}", str) is str
