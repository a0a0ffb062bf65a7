/// How a matrix product is cut for threads: a grid over the result that depends on the shape alone.
///
/// A tile wants to be large, for a library packs a tile's operands anew, and its result should fit into the second
/// cache; 512 by 768 is within some percent of the whole product's rate. And there should be four tiles at least, each of some microseconds of work.
public struct Tiles: Equatable {
  /// A part of the result.
  public struct Tile: Sendable, Equatable {
    public let index: Int
    public let rows: Range<Int>
    public let columns: Range<Int>
  }

  private let product: MatrixProduct
  private let rowBlock: Int
  private let columnBlock: Int
  private let across: Int
  let count: Int

  init(_ product: MatrixProduct) {
    self.product = product
    let (m, n) = (max(1, product.m), max(1, product.n))
    let most = max(1, (m * n * product.k) >> 20)
    var (down, right) = ((m + 511) / 512, (n + 767) / 768)
    if down * right > most { (down, right) = (1, 1) }
    while down * right < 4 && 2 * down * right <= most {
      // Narrow tiles cost less than flat ones.
      if n / right >= 384 { right *= 2 } else if m / down >= 384 { down *= 2 } else { break }
    }
    rowBlock = Tiles.block(m, down)
    columnBlock = Tiles.block(n, right)
    across = (n + columnBlock - 1) / columnBlock
    count = product.m == 0 || product.n == 0 ? 0 : across * ((m + rowBlock - 1) / rowBlock)
  }

  /// The extent of a tile: a multiple of the sixteen floats of a vector.
  private static func block(_ extent: Int, _ pieces: Int) -> Int {
    pieces == 1 ? extent : ((extent + pieces - 1) / pieces + 15) / 16 * 16
  }

  subscript(index: Int) -> Tile {
    let (row, column) = (index / across * rowBlock, index % across * columnBlock)
    return Tile(
      index: index,
      rows: row..<min(product.m, row + rowBlock),
      columns: column..<min(product.n, column + columnBlock)
    )
  }
}
