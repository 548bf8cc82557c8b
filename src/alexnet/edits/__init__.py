"""How is a table changed? Functions from a table to a table; the one given stays as it is. No torch here.

`edited` is the one way from the settings of a network to its rows. docs/networks.md says what each edit does.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from alexnet.edits.maps import with_attention, with_dilation, with_norm, with_pooling, with_residual
from alexnet.edits.named import Input, complete, last_dense, table_named, with_classes, with_input
from alexnet.edits.rows import places
from alexnet.edits.units import with_activation, with_columns, with_dropout, with_init_bias, with_width, without
from alexnet.settings import ModelConfig
from alexnet.tables import Table

__all__ = [
    "Input",
    "complete",
    "edited",
    "edits_of",
    "last_dense",
    "places",
    "table_named",
    "with_activation",
    "with_attention",
    "with_classes",
    "with_columns",
    "with_dilation",
    "with_dropout",
    "with_init_bias",
    "with_input",
    "with_norm",
    "with_pooling",
    "with_residual",
    "with_width",
    "without",
]


def edited(model: ModelConfig, classes: int = 0) -> Table:
    """The table that a network's settings mean: the named one with every edit, in the order below.

    classes: outputs of the last row; 0 = `model.classes`, and where that is 0 too they stay open. Settings at their
    defaults change nothing: the named table itself comes back. Raises ValueError, one sentence, for a name or value
    that is none, and for an edit that this table cannot have.
    """
    table = with_input(table_named(model.table), model.input)
    table = with_init_bias(table, model.init_bias, model.init)
    table = without(table, model.without)
    table = with_pooling(table, model.pooling)
    table = with_norm(table, model.norm)
    table = with_activation(table, model.activation)
    table = with_columns(table, model.columns)
    table = with_width(table, model.width)
    table = with_dilation(table, model.dilation)
    table = with_residual(table) if model.residual else table
    table = with_attention(table, model.attention)
    table = with_dropout(table, model.dropout, model.dropout_mode)
    return with_classes(table, classes or model.classes) if classes or model.classes else table


def edits_of(model: ModelConfig) -> dict[str, Any]:
    """The settings that change the table, by the name of the field, where they are not their defaults."""
    kept = ("table", "classes", "init")
    values = {field.name: getattr(model, field.name) for field in dataclasses.fields(model) if field.name not in kept}
    return {name: value for name, value in values.items() if value != getattr(ModelConfig(), name)}
