import Checksums
import GraftCompute
import Protobuf
import TensorFlowBundle

/// Changes of the checkpoints of TensorFlow, with keys, checksums and places that fit again.
enum Bundles {
  private typealias Row = (key: [UInt8], value: [UInt8])

  /// The entry that lists the objects, and the numbers of its fields.
  private static let graphKey = Array("_CHECKPOINTABLE_OBJECT_GRAPH".utf8)
  private static let (offsetField, sizeField, checksumField): (UInt64, UInt64, UInt64) = (4, 5, 6)
  /// The checksum of a text's length, before the text.
  private static let checksumSize = 4

  /// Changes an index that is packed with its data, or the objects that the data have.
  ///
  /// - Returns: Whether there is an index.
  static func change(
    _ files: inout [Archives.Entry], _ generator: inout Philox, _ change: Structure.Change
  ) -> Bool {
    guard let index = files.firstIndex(where: { $0.content.suffix(8).elementsEqual(Table.magic) }),
      let data = files.firstIndex(where: { String(decoding: $0.name, as: UTF8.self).contains(".data-") }),
      var rows = rows(of: files[index].content)
    else { return false }
    if generator.nextWord() % 2 != 0 || !changeGraph(&rows, &files[data].content, &generator, change) {
      changeRows(&rows, &generator, change)
    }
    files[index].content = Table.encoded(rows)
    return true
  }

  /// Changes keys and values of an index, and writes it anew.
  static func changeTable(
    _ bytes: [UInt8], _ generator: inout Philox, _ change: Structure.Change
  ) -> [UInt8]? {
    guard bytes.suffix(8).elementsEqual(Table.magic), var rows = rows(of: bytes) else { return nil }
    changeRows(&rows, &generator, change)
    return Table.encoded(rows)
  }

  private static func rows(of index: [UInt8]) -> [Row]? {
    guard let table = try? Table.entries(of: index), !table.isEmpty else { return nil }
    return table.map { (Array($0.key), Array($0.value)) }
  }

  private static func changeRows(
    _ rows: inout [Row], _ generator: inout Philox, _ change: Structure.Change
  ) {
    for _ in 0...(generator.nextWord() % 3) {
      let place = Int(generator.nextWord()) % rows.count
      let before = rows[place]
      if generator.nextWord() % 4 == 0 {
        rows[place].key = change(before.key)
      } else {
        rows[place].value = Structure.changed(before.value, &generator, change)
      }
      if generator.nextWord() % 8 != 0 { renameSlices(of: before, as: rows[place], &rows) }
    }
    if generator.nextWord() % 8 != 0 { rows.sort { $0.key.lexicographicallyPrecedes($1.key) } }
  }

  /// Puts the slices of a variable under the keys that it looks for.
  private static func renameSlices(of before: Row, as after: Row, _ rows: inout [Row]) {
    func keys(_ row: Row) -> [[UInt8]] {
      (try? BundleSlice.keys(of: String(decoding: row.key, as: UTF8.self), row.value[...])) ?? []
    }
    for (old, new) in zip(keys(before), keys(after)) where old != new {
      if let place = rows.firstIndex(where: { $0.key == old }) { rows[place].key = new }
    }
  }

  /// Changes the graph of objects, of which the index has the place and the checksum.
  ///
  /// - Returns: Whether there is one.
  private static func changeGraph(
    _ rows: inout [Row], _ data: inout [UInt8], _ generator: inout Philox, _ change: Structure.Change
  ) -> Bool {
    guard let place = rows.firstIndex(where: { $0.key == graphKey }) else { return false }
    var entry = Message(rows[place].value)
    guard let start = Int(exactly: entry[offsetField] ?? 0), let count = Int(exactly: entry[sizeField] ?? 0),
      start <= data.count, count <= data.count - start
    else { return false }
    var text = data[start..<(start + count)]
    guard (try? text.readVarint()) != nil, text.count > checksumSize else { return false }
    var graph = Message(Array(text.dropFirst(checksumSize)))
    guard !graph.isEmpty else { return false }
    for _ in 0...(generator.nextWord() % 3) { graph.mutate(&generator, change) }
    // What stands behind it would move.
    if start + count == data.count { data.removeSubrange(start...) }
    entry[offsetField] = UInt64(data.count)
    let (stored, checksum) = encoded(graph.encoded)
    entry[sizeField] = UInt64(stored.count)
    entry[checksumField] = UInt64(checksum)
    data += stored
    rows[place].value = entry.encoded
    return true
  }

  /// A text as TensorFlow stores it, and the checksum of it.
  private static func encoded(_ text: [UInt8]) -> (stored: [UInt8], checksum: UInt32) {
    var checksum = CRC32C(Structure.littleEndian(UInt32(truncatingIfNeeded: text.count)))
    let lengthChecksum = Structure.littleEndian(checksum.masked)
    var stored: [UInt8] = []
    stored.appendVarint(UInt64(text.count))
    stored += lengthChecksum + text
    for part in [lengthChecksum, text] { part.withUnsafeBytes { checksum.add($0) } }
    return (stored, checksum.masked)
  }
}
