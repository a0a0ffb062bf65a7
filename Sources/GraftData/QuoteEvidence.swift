/// What the rows from the first field on that begins with a quote say about quotes: whether they stand around fields, as
/// pandas and spreadsheets write them, or are ordinary characters.
///
/// Files with tabs come both ways. Quotes stand around fields where every field that begins with one ends with one, and
/// either some fields could not be written otherwise, because they hold a delimiter, a line end or a doubled quote, or
/// all texts stand in quotes. Rows that are of one width without quotes, and where a quoted field would take up several
/// lines, have ordinary quotes.
struct QuoteEvidence {
  let quoting: Quoting

  /// What reading the rows in one way has found.
  private struct Finding {
    var isWellFormed = true
    /// Whether all whole rows have one width.
    var isRegular = true
    /// Whether a quoted field needs its quotes, and whether one goes over a line's end.
    var needsQuotes = false
    var spansLines = false
    /// Whether a text stands without quotes.
    var hasBareText = false
  }

  /// - Parameters:
  ///   - bytes: What comes, from that field on.
  ///   - fields: How many fields of its row stand before it.
  ///   - width: How many fields a row has; `nil` when this is the first.
  init(_ bytes: ArraySlice<UInt8>, behind fields: Int, width: Int?, delimiter: UInt8, lineEnd: UInt8) {
    let scan = Scan(bytes: bytes, fields: fields, width: width, delimiter: delimiter, lineEnd: lineEnd)
    let quoted = scan.finding(readingQuotes: true)
    let plain = scan.finding(readingQuotes: false)
    let isQuoted =
      quoted.isWellFormed && quoted.isRegular
      && (!plain.isRegular || quoted.needsQuotes && !quoted.spansLines || !quoted.hasBareText)
    quoting = isQuoted ? .csv : .none
  }

  private struct Scan {
    let bytes: ArraySlice<UInt8>
    let fields: Int
    let width: Int?
    let delimiter: UInt8
    let lineEnd: UInt8

    func finding(readingQuotes: Bool) -> Finding {
      var finding = Finding()
      var (index, fields, width) = (bytes.startIndex, fields, width)
      while index < bytes.endIndex {
        let start = index
        if readingQuotes, bytes[index] == FileLayout.quote {
          guard let end = quotedEnd(from: index, &finding) else {
            finding.isWellFormed = false
            return finding
          }
          index = end
        } else {
          while index < bytes.endIndex, bytes[index] != delimiter, bytes[index] != lineEnd { index += 1 }
          // A number needs no quotes anywhere.
          if bytes[start..<index].contains(where: { $0 >= 0x3A }) { finding.hasBareText = true }
        }
        // A row that the bytes do not hold whole says nothing.
        guard index < bytes.endIndex else { return finding }
        fields += 1
        if bytes[index] == lineEnd {
          let isBlank = fields == 1 && bytes[start..<index].allSatisfy { $0 == FileLayout.carriageReturn }
          if !isBlank {
            if fields != width ?? fields { finding.isRegular = false }
            width = width ?? fields
          }
          fields = 0
        }
        index += 1
      }
      return finding
    }

    /// Where what stands behind a quoted field is; `nil` where the quotes are not those of a field.
    private func quotedEnd(from start: Int, _ finding: inout Finding) -> Int? {
      var index = start + 1
      while true {
        while index < bytes.endIndex, bytes[index] != FileLayout.quote {
          if bytes[index] == delimiter { finding.needsQuotes = true }
          if bytes[index] == lineEnd { (finding.needsQuotes, finding.spansLines) = (true, true) }
          index += 1
        }
        guard index < bytes.endIndex else { return nil }
        index += 1
        guard index < bytes.endIndex, bytes[index] == FileLayout.quote else { break }
        finding.needsQuotes = true
        index += 1
      }
      if index < bytes.endIndex, bytes[index] == FileLayout.carriageReturn, lineEnd == FileLayout.lineFeed {
        index += 1
      }
      guard index < bytes.endIndex else { return index }
      return bytes[index] == delimiter || bytes[index] == lineEnd ? index : nil
    }
  }
}
