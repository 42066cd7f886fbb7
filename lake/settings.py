"""All settings of pairlake in one place: environment variables with the prefix PAIRLAKE_.

Each field is one variable (`home` is PAIRLAKE_HOME); its `help` is what the documentation prints.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

from pairlake.lake.errors import BadSetting, is_text
from pairlake.lake.postgres import PREFIX as POSTGRES
from pairlake.lake.postgres import names_password
from pairlake.lake.project import ROOT as ROOT  # scripts that run dbt look for it here
from pairlake.lake.project import data_folder, working_folder
from pairlake.lake.storage import is_remote

PREFIX = "PAIRLAKE_"
# A scheme, a name or an address, and perhaps a port.
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
# What a URL begins with, or seems to: with one slash it would name a folder.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_S3 = re.compile(r"s3://[^/@?]+(/[^@?]*)?")


def _setting(default: Any, help: str) -> Any:
    kind = _folder if isinstance(default, Path) else type(default)
    return field(default=default, metadata={"help": help, "type": kind})


def _folder(text: str) -> Path:
    """A folder that was named: `.` too, which by itself would be taken for none."""
    return working_folder() if Path(text) == Path() else Path(text)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run depends on beside its input; built by `settings()` from the environment."""

    home: Path = _setting(
        Path(),
        "Folder for everything that pairlake keeps. Empty: `data` in the checkout or in the folder "
        "of `pairlake init`; without either, in the working folder.",
    )
    catalog: str = _setting(
        "",
        "The lake's SQL catalog: `sqlite:FILE`, or `postgres:` with what libpq connects by, as in "
        "`postgres:host=db dbname=lake user=me`; PGPASSWORD or ~/.pgpass has the password. "
        "Empty: HOME/catalog.sqlite.",
    )
    data: str = _setting(
        "",
        "Folder, or s3://BUCKET/PREFIX, of what others read too: the lake's Parquet files in "
        "`tables`, the Parquet copies of the marts in `published`, and the index in `search`. "
        "Empty: HOME.",
    )
    engine: str = _setting(
        "local",
        "What `crawl`, `fetch`, `enrich` and the build of large tables run on: `local`, this "
        "machine, or `ray`, the cluster at RAY_ADDRESS.",
    )
    recipe: str = _setting(
        "laion_5b", "Recipe of models/seeds/recipes.csv that decides what is kept."
    )
    uses: str = _setting(
        "search, train",
        "Uses, comma-separated, that images are wanted for: `fetch` leaves out what is refused to "
        "all of them. The use of each recipe must be among them.",
    )
    crawl_root: str = _setting(
        "https://data.commoncrawl.org/",
        "Where `crawl --crawl` finds crawl-data/: a URL or a folder.",
    )
    user_agent: str = _setting(
        "pairlake/0.1 (image-text dataset builder)",
        "What `fetch` calls itself, with an address where you can be reached: `fetch` wants one.",
    )
    allow_networks: str = _setting(
        "",
        "Networks, comma-separated, that `fetch` may reach although they are not public.",
    )
    fetch_concurrency: int = _setting(64, "Downloads under way at once.")
    fetch_domain_concurrency: int = _setting(2, "Downloads under way at once from one domain.")
    fetch_domain_delay_s: float = _setting(
        0.25, "Least seconds between two downloads from one domain; Crawl-delay may ask for more."
    )
    fetch_timeout_s: float = _setting(20.0, "Seconds that one download may take in all.")
    fetch_max_bytes: int = _setting(25_000_000, "Largest body that `fetch` reads, in bytes.")
    hash_lists: str = _setting(
        "",
        "Files, comma-separated, of md5s or sha256s, one a line: such pictures are never kept.",
    )
    pixel_side: int = _setting(384, "Short side, in pixels, at which images are kept.")
    keep_pixels: str = _setting(
        "all",
        "Whose pixels `maintain` leaves once judged: `all`, those of `kept` pairs, or `none`.",
    )
    batch_size: int = _setting(256, "Rows that a model sees at once.")
    device: str = _setting(
        "auto",
        "Where models run: auto, cpu, cuda or cuda:N; several, comma-separated, share the work.",
    )
    models: Path = _setting(Path(), "Folder of local CLIP checkpoints. Empty: HOME/models.")
    memory_limit: str = _setting(
        "", "Memory that DuckDB may take, such as 4GB. Empty: four fifths of the machine's."
    )
    threads: int = _setting(0, "Processors that DuckDB uses. 0: all.")
    port: int = _setting(8000, "Port of `serve` on 127.0.0.1.")
    origins: str = _setting(
        "",
        "Other sites, comma-separated, whose pages may ask `serve`, as in `http://localhost:3000`; "
        "where a proxy stands before it, the proxy's own address.",
    )
    demo_port: int = _setting(8917, "Port of the demo's web on 127.0.0.1.")

    def __post_init__(self) -> None:
        self._check_places()
        if self.home == Path():
            object.__setattr__(self, "home", data_folder())
        object.__setattr__(self, "home", self.home.expanduser().absolute())
        if not self.catalog:
            object.__setattr__(self, "catalog", f"sqlite:{self.home / 'catalog.sqlite'}")
        if self.catalog.startswith(("postgres://", "postgresql://")):
            object.__setattr__(self, "catalog", f"{POSTGRES}{self.catalog}")
        object.__setattr__(self, "data", self._place())
        if self.models == Path():
            object.__setattr__(self, "models", self.home / "models")
        if names_password(self.catalog):
            # It would stand in errors and in what lists processes.
            raise BadSetting(
                "PAIRLAKE_CATALOG has a password in it; give it by PGPASSWORD or ~/.pgpass."
            )
        if not self.catalog.startswith(("sqlite:", POSTGRES)) or self.catalog == "sqlite:":
            raise BadSetting(
                "PAIRLAKE_CATALOG is neither sqlite:FILE nor postgres:host=db dbname=lake user=me; "
                "give it so, or leave it empty."
            )
        if not self.user_agent.isprintable():
            raise BadSetting("PAIRLAKE_USER_AGENT must be one line of printable characters.")
        if self.engine not in ("local", "ray"):
            raise BadSetting(f"PAIRLAKE_ENGINE is {self.engine!r}; local or ray.")
        if self.keep_pixels not in ("all", "kept", "none"):
            raise BadSetting(f"PAIRLAKE_KEEP_PIXELS is {self.keep_pixels!r}; all, kept or none.")
        if not 0 <= self.fetch_domain_delay_s < float("inf"):
            raise BadSetting("PAIRLAKE_FETCH_DOMAIN_DELAY_S must be a number of seconds, or 0.")
        if not 0 < self.fetch_timeout_s < float("inf"):
            raise BadSetting("PAIRLAKE_FETCH_TIMEOUT_S must be a number of seconds above 0.")
        if is_remote(self.data) and not _S3.fullmatch(self.data):
            # Not repeated: there may be a key in it.
            raise BadSetting(
                "PAIRLAKE_DATA is neither a folder nor s3://BUCKET/PREFIX; keys are given as "
                "docs/cluster.md says."
            )
        for place in (str(self.home), self.data):
            if set(place) & set("*?[\\"):
                # DuckLake takes such a folder for a pattern, and a backslash for a slash.
                raise BadSetting(f"The folder {place} has *, ?, [ or \\ in it; choose another.")
        if self.threads < 0:
            raise BadSetting("PAIRLAKE_THREADS must be 1 or more, or 0 for all processors.")
        # The demo's world is made of URLs that hold its port; any free one will not do.
        for name, least in (("port", 0), ("demo_port", 1)):
            if not least <= getattr(self, name) <= 65_535:
                raise BadSetting(f"{PREFIX}{name.upper()} must be between {least} and 65535.")
        for name in (
            "fetch_concurrency",
            "fetch_domain_concurrency",
            "fetch_max_bytes",
            "pixel_side",
            "batch_size",
        ):
            if getattr(self, name) < 1:
                raise BadSetting(f"{PREFIX}{name.upper()} must be 1 or more.")
        self.allowed_networks()
        self.allowed_origins()

    def _check_places(self) -> None:
        """Refuse what was to be a URL and would name a folder, which nobody would find again."""
        places = {
            "HOME": str(self.home),
            "CATALOG": self.catalog[7:] if self.catalog.startswith("sqlite:") else "",
            "DATA": "" if is_remote(self.data) else self.data,
        }
        for name, place in places.items():
            if _SCHEME.match(place):
                # Not repeated: there may be a key in it.
                raise BadSetting(
                    f"PAIRLAKE_{name} begins as a URL does and is none that it may be: "
                    "only PAIRLAKE_DATA may be a place in S3, with two slashes, as in "
                    "s3://BUCKET/PREFIX; of a folder give the whole path."
                )
            try:
                Path(place).expanduser()
            except RuntimeError as error:
                raise BadSetting(
                    f"PAIRLAKE_{name} is {place!r}, in the home of somebody who has none here; "
                    "give the whole path."
                ) from error

    @property
    def on_postgres(self) -> bool:
        """Whether the catalog is in Postgres, which takes several writers at once."""
        return self.catalog.startswith(POSTGRES)

    @property
    def catalog_file(self) -> Path:
        """The SQLite file of the catalog; there is none on Postgres."""
        return Path(self.catalog.removeprefix("sqlite:")).expanduser().absolute()

    @property
    def catalog_said(self) -> str:
        """The catalog as an error names it, which shows nothing of a connection string."""
        return "in Postgres" if self.on_postgres else str(self.catalog_file)

    @property
    def on_ray(self) -> bool:
        """Whether the work is done by the processes of a Ray cluster."""
        return self.engine == "ray"

    def _place(self) -> str:
        """`data` as an absolute path or a URL, without a slash at its end."""
        if is_remote(self.data):
            return self.data.rstrip("/") if _S3.fullmatch(self.data) else self.data
        return str(Path(self.data).expanduser().absolute() if self.data else self.home)

    @property
    def tables(self) -> str:
        """Where the lake's own Parquet files lie."""
        return f"{self.data}/tables"

    @property
    def search(self) -> str:
        """Where the LanceDB serving index lies."""
        return f"{self.data}/search"

    @property
    def published(self) -> str:
        """Where the Parquet copies of the marts lie."""
        return f"{self.data}/published"

    def allowed_networks(self) -> list[IPv4Network | IPv6Network]:
        """The networks of `allow_networks`; BadSetting names the one that is not a network."""
        networks = []
        for text in filter(None, (part.strip() for part in self.allow_networks.split(","))):
            try:
                networks.append(ip_network(text))
            except ValueError as error:
                raise BadSetting(
                    f"PAIRLAKE_ALLOW_NETWORKS: {text!r} is not a network ({error}); "
                    "write it as 127.0.0.0/8."
                ) from error
        return networks

    def allowed_origins(self) -> list[str]:
        """The sites of `origins`, as browsers name them; BadSetting names the one that is none."""
        origins = []
        for text in filter(None, (part.strip() for part in self.origins.split(","))):
            origin = text.lower().removesuffix("/")
            if not _ORIGIN.fullmatch(origin):
                raise BadSetting(
                    f"PAIRLAKE_ORIGINS: {text!r} is no site; write it as http://localhost:3000."
                )
            # A browser leaves out the port that goes without saying.
            default = ":80" if origin.startswith("http:") else ":443"
            origins.append(origin.removesuffix(default))
        return origins


def settings() -> Settings:
    """The settings of this process, read from the environment now; BadSetting if unusable."""
    known = {f"{PREFIX}{f.name.upper()}": f for f in fields(Settings)}
    values: dict[str, Any] = {}
    for variable, text in os.environ.items():
        if not variable.startswith(PREFIX) or not text:
            continue
        if variable not in known:
            raise BadSetting(
                f"{variable} is not a setting of pairlake; there are {', '.join(sorted(known))}."
            )
        if not is_text(text):
            raise BadSetting(f"{variable} is {text!a}, with bytes that are no UTF-8.")
        convert = known[variable].metadata["type"]
        try:
            values[known[variable].name] = convert(text)
        except ValueError as error:
            raise BadSetting(f"{variable} is {text!r}, but must be {convert.__name__}.") from error
    return Settings(**values)
