"""Starts the zygote with this folder alone on board: `python -I -S -B boot.py SITE_PACKAGES CONTROL_FD`.

The folder is loaded as the package `child`, from its own path. Neither the rest of Yunei nor any `.pth` file of the
virtual environment is importable, so nothing but the engine, Arrow and this folder is ever in the process.
"""

import importlib
import importlib.util
import sys
from pathlib import Path


def load(folder: Path) -> None:
    """Make `folder` importable as the package `child` and nothing else of ours."""
    spec = importlib.util.spec_from_file_location("child", folder / "__init__.py", submodule_search_locations=[str(folder)])
    if spec is None or spec.loader is None:
        raise SystemExit(70)
    package = importlib.util.module_from_spec(spec)
    sys.modules["child"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    sys.path.append(sys.argv[1])
    load(Path(__file__).resolve().parent)
    importlib.import_module("child.zygote").serve(int(sys.argv[2]))
