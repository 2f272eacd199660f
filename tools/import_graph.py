"""Draw which package of fuota imports which, layer by layer, as an SVG.

    python tools/import_graph.py [docs/import-graph.svg]

The import contract in pyproject.toml defines the layers. The number on an arrow counts the imports of modules.
"""

from __future__ import annotations

import sys
import tomllib
from collections import Counter
from html import escape
from pathlib import Path

import grimp

WIDTH, LAYER_HEIGHT, BOX_HEIGHT, SHIFT = 1000, 92, 40, 100
GROUND = "foundations"
STYLE = """
  text { font: 14px sans-serif; fill: #1b2a38; text-anchor: middle;  }
  .size { font-size: 11px; fill: #5a6b7a; }
  rect { fill: #eef3f8; stroke: #5a7d9f; rx: 6; }
  path { fill: none; stroke: #7a93ab; stroke-opacity: 0.55; }
"""


def main(arguments: list[str]) -> int:
    """Write the drawing to the path given, or to docs/import-graph.svg."""
    layers = read_layers(Path("pyproject.toml"))
    arrows, sizes = package_imports({package for layer in layers for package in layer})
    path = Path(arguments[0] if arguments else "docs/import-graph.svg")
    path.write_text(drawing(layers, arrows, sizes), encoding="utf-8")
    print(f"{path}: {len(sizes)} packages, {sum(arrows.values())} imports between them")
    return 0


def read_layers(pyproject: Path) -> list[list[str]]:
    """Return the packages of each layer, from the top. Layers without a package become `foundations`."""
    contracts = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    named = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    layers = [[name.strip(" ()") for name in layer.split("|")] for layer in named]
    packages = [[name for name in layer if Path("fuota", name).is_dir()] for layer in layers]
    return [layer for layer in packages if layer] + [[GROUND]]


def package_imports(packages: set[str]) -> tuple[Counter[tuple[str, str]], Counter[str]]:
    """Return the number of imports between each two packages, and the number of modules of each package."""
    graph = grimp.build_graph("fuota", exclude_type_checking_imports=True, cache_dir=None)

    def package_of(module: str) -> str:
        name = [*module.split("."), ""][1]
        return name if name in packages else GROUND

    modules = graph.modules - {"fuota", "fuota.__main__"}
    arrows: Counter[tuple[str, str]] = Counter()
    for module in modules:
        for imported in graph.find_modules_directly_imported_by(module) & modules:
            if package_of(module) != package_of(imported):
                arrows[package_of(module), package_of(imported)] += 1
    return arrows, Counter(package_of(module) for module in modules)


def drawing(layers: list[list[str]], arrows: Counter[tuple[str, str]], sizes: Counter[str]) -> str:
    """Return the SVG: a row of boxes for each layer, and a curve for each pair of packages."""
    # A package alone in its layer stands beside the middle, so that arrows from above to below do not run through its box.
    places = {
        package: (
            round(WIDTH * (column + 1) / (len(layer) + 1)) + SHIFT * (len(layer) == 1) * (-1) ** row,
            40 + LAYER_HEIGHT * row,
        )
        for row, layer in enumerate(layers)
        for column, package in enumerate(layer)
    }
    height = LAYER_HEIGHT * len(layers)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<style>{STYLE}</style>",
    ]
    parts += [
        "<title>Imports between the packages of fuota</title>",
        f'<rect width="{WIDTH}" height="{height}" style="fill:white;stroke:none"/>',
    ]
    parts += [curve(places[source], places[target], count) for (source, target), count in sorted(arrows.items())]
    for package, (x, y) in places.items():
        parts.append(f'<rect x="{x - 75}" y="{y - BOX_HEIGHT // 2}" width="150" height="{BOX_HEIGHT}"/>')
        parts.append(f'<text x="{x}" y="{y - 3}">{escape(package)}</text>')
        parts.append(f'<text class="size" x="{x}" y="{y + 13}">{sizes[package]} modules</text>')
    return "\n".join([*parts, "</svg>", ""])


def curve(source: tuple[int, int], target: tuple[int, int], count: int) -> str:
    """Return the curve from the bottom of a box to the top of another; its width grows with the number of imports."""
    (x1, y1), (x2, y2) = (source[0], source[1] + BOX_HEIGHT // 2), (target[0], target[1] - BOX_HEIGHT // 2)
    middle = (y1 + y2) // 2
    width = 1 + min(count, 80) / 12
    line = f"M{x1} {y1} C{x1} {middle} {x2} {middle} {x2} {y2}"
    return f'<path d="{line}" stroke-width="{width:.1f}"><title>{count} imports</title></path>'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
