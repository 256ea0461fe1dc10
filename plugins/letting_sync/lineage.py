"""What a task reads and writes, reported to OpenLineage where Airflow's provider for it is installed and configured.

A system is a namespace (``immomio://CONNECTION``), what it holds are its datasets (``prospects``, ``offers``, ``leases``). The
staged prospects of a pair are the dataset between ``extract`` and ``load_offers``. Reported are counts, nothing of a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from airflow.sdk import BaseOperator

from letting_sync.erp import ErpTarget
from letting_sync.partner import PartnerTarget


class Data(NamedTuple):
    """A dataset that a task has read or written.

    :param rows: how many records; ``None``: not counted.
    """

    namespace: str
    name: str
    rows: int | None = None


def prospects_of(partner: PartnerTarget, rows: int | None = None) -> Data:
    """Return the prospects of a letting platform."""
    return Data(f"{partner.system.name}://{partner.conn_id}", "prospects", rows)


def offers_of(erp: ErpTarget, rows: int) -> Data:
    """Return the offers of an ERP."""
    return Data(f"{erp.system.name}://{erp.conn_id}", "offers", rows)


def leases_of(erp: ErpTarget, rows: int) -> Data:
    """Return the leases of an ERP."""
    return Data(f"{erp.system.name}://{erp.conn_id}", "leases", rows)


def staged_of(pair: str, rows: int) -> Data:
    """Return the staged prospects of a pair."""
    return Data(f"prospects://{pair}", "staged", rows)


class LineageMixin(BaseOperator):
    """A task that says what it has read and written; the methods are those that Airflow's provider looks for.

    :ivar lineage_inputs: what the task has read, set when its work is done.
    :ivar lineage_outputs: what the task has written; a dry run writes nothing.
    """

    lineage_inputs: Sequence[Data] = ()
    lineage_outputs: Sequence[Data] = ()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return what the task has read and written, in the provider's terms."""
        # An extra of the package: only the provider calls this method.
        from airflow.providers.openlineage.extractors import OperatorLineage
        from openlineage.client.event_v2 import InputDataset, OutputDataset
        from openlineage.client.facet_v2 import (
            input_statistics_input_dataset,
            output_statistics_output_dataset,
        )

        del task_instance
        read = input_statistics_input_dataset.InputStatisticsInputDatasetFacet
        written = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
        return OperatorLineage(
            inputs=[
                InputDataset(
                    one.namespace, one.name, inputFacets={"inputStatistics": read(rowCount=one.rows)}
                )
                for one in self.lineage_inputs
            ],
            outputs=[
                OutputDataset(
                    one.namespace, one.name, outputFacets={"outputStatistics": written(rowCount=one.rows)}
                )
                for one in self.lineage_outputs
            ],
        )
