import GraftTensors

/// The most extents that libhdf5 has: `H5S_MAX_RANK`.
let maximumRank = 32

/// The shape of a dataset or an attribute; `nil` when it holds nothing at all.
func readDataspace(_ message: ByteReader) throws -> [Int]? {
  var reader = message
  let version = try reader.integer(UInt8.self)
  let rank = try reader.int(UInt8.self)
  try reader.skip(1)
  switch version {
  case 1: try reader.skip(5)
  case 2:
    if try reader.integer(UInt8.self) == 2 { return nil }
  default: throw UnknownStructure("a shape of unknown version \(version)")
  }
  guard rank <= maximumRank else {
    throw GraftError(.malformed, "the shape has more than \(maximumRank) extents", found: "\(rank)")
  }
  return try (0..<rank).map { _ in try reader.length() }
}
