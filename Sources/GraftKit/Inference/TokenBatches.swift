/// Puts what is read together into batches: as many as are asked for, or as many as make some 2,048 tokens, which is as fast
/// as any other number and takes no more memory for long texts.
///
/// - Parameters:
///   - order: Places in the order in which they are read; those of about one length should stand together.
///   - count: The most of a batch; `nil` leaves it to the tokens.
///   - make: Makes what stands at a place.
///   - tokens: How many tokens it has.
///   - body: Reads a batch: its places, and what stands there.
/// - Throws: what `make` and `body` throw.
func forEachBatch<Item>(
  _ order: some Sequence<Int>, atMost count: Int?, _ make: (Int) throws -> Item, tokens: (Item) -> Int,
  _ body: ([Int], [Item]) throws -> Void
) throws {
  var (places, items, total) = ([Int](), [Item](), 0)
  for place in order {
    let item = try make(place)
    let length = tokens(item)
    let isFull = count.map { items.count >= max(1, $0) } ?? (total + length > mostTokensTogether)
    if isFull, !items.isEmpty {
      try body(places, items)
      (places, items, total) = ([], [], 0)
    }
    places.append(place)
    items.append(item)
    total += length
  }
  if !items.isEmpty { try body(places, items) }
}

/// Larger batches do not multiply faster, and leave a core's cache.
private let mostTokensTogether = 2048

extension Array {
  /// Places by length, the longest first, those of equal ones in their order.
  func placesByLength(_ length: (Element) -> Int) -> [Int] {
    let lengths = map(length)
    return lengths.indices.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
  }
}
