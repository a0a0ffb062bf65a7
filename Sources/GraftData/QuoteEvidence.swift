/// What the rows from the first field on that begins with a quote say about quotes: whether they stand around fields, as
/// pandas and spreadsheets write them, or are ordinary characters.
///
/// Files with tabs come both ways. Quotes stand around fields where every field that begins with one ends with one, and
/// either some fields could not be written otherwise, because they hold a delimiter, a line end or a doubled quote, or
/// each column has all of its texts in quotes or none. Rows that are of one width without quotes, and where a quoted field would take up several
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
    /// Below the header: the columns with a field in quotes, and those with a text without.
    var quotedColumns: Set<Int> = []
    var bareColumns: Set<Int>
    /// Whether a column's name stands without quotes.
    var hasBareName = false
    /// Whether each column has all of its texts in quotes or none. Where no row has any, the header tells.
    var isAllOrNothing: Bool {
      quotedColumns.isDisjoint(with: bareColumns) && !(quotedColumns.isEmpty && hasBareName)
    }
  }

  /// - Parameters:
  ///   - bytes: What comes, from that field on.
  ///   - fields: How many fields of its row stand before it.
  ///   - width: How many fields a row has; `nil` when this is the first.
  ///   - bareColumns: Those of which texts came without quotes.
  init(
    _ bytes: ArraySlice<UInt8>, behind fields: Int, width: Int?, bareColumns: Set<Int>, _ layout: FileLayout
  ) {
    let scan = Scan(bytes: bytes, fields: fields, width: width, bareColumns: bareColumns, layout: layout)
    let quoted = scan.finding(readingQuotes: true)
    let plain = scan.finding(readingQuotes: false)
    let isQuoted =
      quoted.isWellFormed && quoted.isRegular
      && (!plain.isRegular || quoted.needsQuotes && !quoted.spansLines || quoted.isAllOrNothing)
    quoting = isQuoted ? .csv : .none
  }

  /// Whether a field without quotes is more than a number, which needs none anywhere.
  static func isText(_ field: ArraySlice<UInt8>) -> Bool { field.contains { $0 >= 0x3A } }

  private struct Scan {
    let bytes: ArraySlice<UInt8>
    let fields: Int
    let width: Int?
    let bareColumns: Set<Int>
    let layout: FileLayout
    private var delimiter: UInt8 { layout.delimiter }
    private var lineEnd: UInt8 { layout.lineEnd }

    func finding(readingQuotes: Bool) -> Finding {
      var finding = Finding(bareColumns: bareColumns)
      var (index, fields, width) = (bytes.startIndex, fields, width)
      while index < bytes.endIndex {
        let start = index
        let isName = width == nil && layout.hasHeader
        if readingQuotes, bytes[index] == FileLayout.quote {
          guard let end = quotedEnd(from: index, &finding) else {
            finding.isWellFormed = false
            return finding
          }
          index = end
          if !isName { finding.quotedColumns.insert(fields) }
        } else {
          while index < bytes.endIndex, bytes[index] != delimiter, bytes[index] != lineEnd { index += 1 }
          if QuoteEvidence.isText(bytes[start..<index]) {
            if isName { finding.hasBareName = true } else { finding.bareColumns.insert(fields) }
          }
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
