/// Which work is worth another thread: decided by shape alone.
enum Loops {
  /// The elements that one piece of an element-by-element loop should have: some microseconds of work, so that
  /// handing it out costs little. A multiple of 4, as dropout's streams need.
  static let elementsPerPiece = 16384

  static func rowsPerPiece(columns: Int) -> Int { max(1, elementsPerPiece / max(1, columns)) }
}

/// The loops of ops, those of plugins too.
extension ComputeBackend {
  /// Runs `body` over blocks of `count` elements, on all threads when there are many.
  public func forEachBlock(ofElements count: Int, _ body: (_ block: Range<Int>) -> Void) {
    threads.forEachBlock(of: Loops.elementsPerPiece, in: count, body)
  }

  /// Runs `body` over blocks of rows, on all threads when there are many.
  public func forEachBlock(ofRows rows: Int, columns: Int, _ body: (_ block: Range<Int>) -> Void) {
    threads.forEachBlock(of: Loops.rowsPerPiece(columns: columns), in: rows, body)
  }

  /// `y += x`, on all threads.
  public func add(_ x: Tensor, to y: Tensor) {
    precondition(x.count == y.count, "add: \(x.shape) to \(y.shape)")
    let kernels = kernels
    forEachBlock(ofElements: y.count) { block in
      kernels.add(x.pointer + block.lowerBound, to: y.pointer + block.lowerBound, count: block.count)
    }
  }

  /// `y = x`, on all threads.
  public func copy(_ x: Tensor, to y: Tensor) {
    precondition(x.count == y.count, "copy: \(x.shape) to \(y.shape)")
    forEachBlock(ofElements: y.count) { block in
      (y.pointer + block.lowerBound).update(from: x.pointer + block.lowerBound, count: block.count)
    }
  }

  /// `x = 0`, on all threads.
  public func clear(_ x: Tensor) {
    forEachBlock(ofElements: x.count) { block in
      (x.pointer + block.lowerBound).update(repeating: 0, count: block.count)
    }
  }
}
