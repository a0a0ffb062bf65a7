import Foundation
import GraftTensors
import OrderedCollections

/// A zip archive that is read in place: what stands where, held against the file before any of it is used.
///
/// Entries are stored or deflated, with 64-bit sizes where needed. They lie one after another without
/// sharing a byte, each where and what its own header says; nothing is ever unpacked to a disk, and a name
/// that would leave a directory is refused nevertheless. Reference: PKWARE's APPNOTE.TXT 6.3.10.
public struct ZipArchive: Sendable {
  /// A file in the archive.
  public struct Entry: Sendable {
    public let name: String
    /// The size in bytes, unpacked.
    public let size: Int
    let isDeflated: Bool
    /// The CRC-32 of the unpacked bytes.
    let checksum: UInt32
    /// Where the packed bytes stand.
    let range: Range<Int>
  }

  public let file: RandomAccessFile
  /// In the directory's order, without folders.
  public let entries: OrderedDictionary<String, Entry>

  /// A directory is read whole; this is a hundred thousand entries.
  static let maximumDirectorySize = 16_000_000
  /// The most that a byte of deflated data can become.
  static let maximumExpansion = 1032

  /// Reads and checks the directory of an archive.
  ///
  /// - Throws: `GraftError` that names the entry at fault.
  public init(_ file: RandomAccessFile) throws {
    try self.init(file) { try ZipDirectory(of: file) }
  }

  private init(_ file: RandomAccessFile, _ readDirectory: () throws -> ZipDirectory) throws {
    self.file = file
    do {
      let directory = try readDirectory()
      var entries: [String: Entry] = [:]
      var end = 0
      for record in directory.records.sorted(by: { $0.offset < $1.offset }) {
        let start = try record.dataStart(in: file)
        guard record.offset >= end else { throw record.error("the entry overlaps the one before it") }
        guard record.packedSize <= directory.start - start else {
          throw record.error(
            "the entry reaches beyond its archive", expected: "at most \(directory.start - start) bytes",
            found: "\(record.packedSize)")
        }
        end = start + record.packedSize
        guard entries[record.name] == nil else { throw record.error("the entry is there twice") }
        entries[record.name] = Entry(
          name: record.name, size: record.size, isDeflated: record.method == .deflated,
          checksum: record.checksum, range: start..<end)
      }
      var ordered: OrderedDictionary<String, Entry> = [:]
      for record in directory.records where !record.name.hasSuffix("/") {
        ordered[record.name] = entries[record.name]
      }
      self.entries = ordered
    } catch let error as GraftError {
      throw error.inFile(file.url.path)
    }
  }

  /// Opens a file that begins as an archive does, if its names are those of some format.
  ///
  /// - Parameter isWanted: Whether the names are; of an archive whose directory is lost it is asked with what the
  ///   first entry's own header says.
  /// - Returns: `nil` when the file is no archive, or not the wanted one.
  /// - Throws: `GraftError` when the file is the wanted archive, but broken, or cannot be read.
  public static func open(_ file: RandomAccessFile, where isWanted: ([String]) -> Bool) throws -> ZipArchive?
  {
    guard FileKind(try file.head(4)) == .zip else { return nil }
    let directory: ZipDirectory
    do {
      directory = try ZipDirectory(of: file)
    } catch let error as GraftError where error.kind != .system {
      guard isWanted([ZipDirectory.firstName(of: file)].compactMap { $0 }) else { return nil }
      throw error.inFile(file.url.path)
    }
    return isWanted(directory.records.map(\.name)) ? try ZipArchive(file) { directory } : nil
  }
}
