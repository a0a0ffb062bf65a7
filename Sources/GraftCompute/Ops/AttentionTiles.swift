/// How the work of an attention is cut.
extension AttentionKernel {
  /// One head of one sequence.
  struct Block {
    /// Its number among all.
    let index: Int
    let head: Int
    /// The number of tokens.
    let length: Int
    /// Its first element in `[tokens, hidden]`.
    let start: Int
    /// Its first place in the stream of dropout's random words.
    let randomStart: Int
    /// Its first element in added scores.
    let pairStart: Int
  }

  /// Some of a sequence's rows, and the columns that any of them sees.
  struct Tile {
    let rows: Range<Int>
    let columns: Range<Int>
    var area: Int { rows.count * columns.count }
  }

  /// The window, if a sequence is longer than it.
  func window(_ length: Int) -> Int? { window.flatMap { $0 < length - 1 ? $0 : nil } }

  /// The rows of a tile. With a window a tile reads twice the window more columns than it has rows, and products want
  /// rows enough. Without one the weights of a tile should stay in a core's cache.
  func tileSize(_ length: Int) -> Int {
    if let window = window(length) { return max(64, window) }
    // A multiple of four, for dropout draws four random words at a time.
    return length <= longestUncut ? length : max(64, longestUncut * longestUncut / length / 4 * 4)
  }

  func forEachTile(_ length: Int, _ body: (Tile) -> Void) {
    let (size, window) = (tileSize(length), window(length) ?? length)
    for first in stride(from: 0, to: length, by: max(1, size)) {
      let end = min(length, first + size)
      body(Tile(rows: first..<end, columns: max(0, first - window)..<min(length, end + window)))
    }
  }

  /// How many of dropout's random words a row has, where there is a window.
  func pace(_ window: Int) -> Int { (2 * window + 1 + 3) / 4 * 4 }

  /// Calls `body` for every head of every sequence, on all threads, with the number of the thread.
  func forEachBlock(_ body: (_ block: Block, _ worker: Int) -> Void) {
    var blocks: [Block] = []
    var (randomStart, pairStart) = (0, 0)
    for (start, end) in zip(offsets, offsets.dropFirst()) where end > start {
      let length = end - start
      for head in 0..<heads {
        blocks.append(
          Block(
            index: blocks.count, head: head, length: length, start: start * hidden + head * width,
            randomStart: randomStart, pairStart: pairStart))
        pairStart += length * length
        randomStart += window(length).map { length * pace($0) } ?? (length * length + 3) / 4 * 4
      }
    }
    // As many together as make a piece worth a thread.
    let work = randomStart * width / max(1, blocks.count)
    let together = max(1, (1 << 17) / max(1, work))
    backend.threads.run((blocks.count + together - 1) / together) { piece, worker in
      for block in blocks[piece * together..<min(blocks.count, (piece + 1) * together)] {
        body(block, worker)
      }
    }
  }

  /// Calls `body` for each row of a tile, with its place in the tile and the columns that it sees, counted from
  /// the tile's first.
  func forEachRow(
    _ tile: Tile, _ block: Block, _ window: Int,
    _ body: (_ row: Int, _ start: Int, _ seen: Range<Int>) -> Void
  ) {
    for (index, row) in tile.rows.enumerated() {
      let seen = max(0, row - window)..<min(block.length, row + window + 1)
      let first = tile.columns.lowerBound
      body(row, index * tile.columns.count, seen.lowerBound - first..<seen.upperBound - first)
    }
  }
}
