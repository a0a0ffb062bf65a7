import Foundation

/// A drawing of fixed size that stands in a page or in a file of its own.
struct Plot {
  let width: Double
  let height: Double
  /// For those who cannot see it.
  let title: String
  let content: Markup

  /// The drawing as an element of a page that has ``PlotStyle``.
  var element: Markup {
    """
    <svg viewBox="0 0 \(width) \(height)" role="img" aria-label="\(title)"><title>\(title)</title>\(content)</svg>
    """
  }

  /// The drawing as a file, with its own style.
  var file: Markup {
    """
    <svg xmlns="http://www.w3.org/2000/svg" viewBox="-12 -12 \(width + 24) \(height + 24)" \
    width="\((width + 24) * 1.5)" height="\((height + 24) * 1.5)" role="img" aria-label="\(title)"><title>\(title)</title>\
    <style>\(PlotStyle.variables)\(PlotStyle.rules)</style>\
    <rect x="-12" y="-12" width="\(width + 24)" height="\(height + 24)" class="p-ground"/>\(content)</svg>

    """
  }
}

/// The colours and lines of plots. A series is told by its colour, its dashes and its name beside it.
enum PlotStyle {
  /// How many series look different.
  static let seriesCount = 6

  /// Okabe and Ito's colours, which people of every colour vision tell apart; lighter ones on a dark ground.
  /// https://jfly.uni-koeln.de/color
  static let variables: Markup = """
    :root{--ground:#fff;--ink:#1a1d21;--soft:#5c6570;--rule:#dfe3e8;--shade:0,74,124;\
    --s0:#0072b2;--s1:#c44f00;--s2:#00795a;--s3:#a8467e;--s4:#8a6100;--s5:#2b7fb0}\
    @media(prefers-color-scheme:dark){:root{--ground:#14171a;--ink:#e8eaed;--soft:#a3acb5;--rule:#343a41;\
    --shade:140,205,245;--s0:#56b4e9;--s1:#ff9248;--s2:#2fc79a;--s3:#e59bc4;--s4:#f0c04a;--s5:#9ad1f5}}\
    @media print{:root{--ground:#fff;--ink:#000;--soft:#444;--rule:#ccc;--shade:0,74,124;\
    --s0:#0072b2;--s1:#c44f00;--s2:#00795a;--s3:#a8467e;--s4:#8a6100;--s5:#2b7fb0}}
    """

  static let rules: Markup = Markup(
    verbatim: """
      svg{font:11px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}\
      .p-ground{fill:var(--ground)}.p-grid{stroke:var(--rule);stroke-width:1}\
      .p-axis{stroke:var(--soft);stroke-width:1}.p-zero{stroke:var(--ink);stroke-width:1}\
      svg text{fill:var(--soft)}svg .p-strong{fill:var(--ink)}svg .p-name{font-weight:600}\
      .p-halo{paint-order:stroke;stroke:var(--ground);stroke-width:4px;stroke-linejoin:round}\
      .p-line{fill:none;stroke-width:2.2;stroke-linejoin:round;stroke-linecap:round}\
      .p-seed{stroke-width:1;opacity:.4}.p-cell{stroke:var(--ground);stroke-width:1}\
      .p-shade{fill:rgb(var(--shade))}svg .p-on-shade{fill:var(--ground)}
      """
        + (0..<seriesCount).map { series in
          ".l\(series){stroke:var(--s\(series))}.f\(series){fill:var(--s\(series))}svg text.t\(series){fill:var(--s\(series))}"
        }.joined()
        + ".l1{stroke-dasharray:7 3}.l2{stroke-dasharray:2 3.5}.l3{stroke-dasharray:9 3 2 3}"
        + ".l4{stroke-dasharray:4 4}.l5{stroke-dasharray:12 4}.p-seed,.p-whisker{stroke-dasharray:none}")
}
