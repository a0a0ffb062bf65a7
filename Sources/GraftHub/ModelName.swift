/// A model of the Hub as a person types it: `bert-base-uncased`, `org/name`, `org/name@revision`.
///
/// The rules are the Hub's own, so that a name is safe as part of a path and of an address.
public struct ModelName: Sendable, Hashable, CustomStringConvertible {
  /// `name`, as the oldest models are called, or `organisation/name`.
  public let id: String
  /// A branch, a tag or a commit.
  public let revision: String

  public static let defaultRevision = "main"

  /// - Parameter text: A possible name. The result is `nil` when it is not one.
  public init?(_ text: String) {
    let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
    let id = String(parts[0])
    let revision = parts.count == 2 ? String(parts[1]) : Self.defaultRevision
    guard Self.isID(id), Self.isRevision(revision) else { return nil }
    self.id = id
    self.revision = revision
  }

  private static func isID(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return (1...96).contains(text.utf8.count) && parts.count <= 2 && !text.hasSuffix(".git")
      && !text.contains("--") && !text.contains("..")
      && parts.allSatisfy { part in
        guard let first = part.utf8.first, let last = part.utf8.last else { return false }
        return part.utf8.allSatisfy {
          isWordCharacter($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
        }
          && isWordCharacter(first) && isWordCharacter(last)
      }
  }

  /// What Git allows as the name of a branch, as far as it could do harm.
  private static func isRevision(_ text: String) -> Bool {
    (1...200).contains(text.utf8.count) && isSafePath(text)
      && text.utf8.allSatisfy { byte in
        isWordCharacter(byte) || "-./+".utf8.contains(byte)
      }
  }

  private static func isWordCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  /// Whether a relative path stays in its directory.
  static func isSafePath(_ text: String) -> Bool {
    text.split(separator: "/", omittingEmptySubsequences: false)
      .allSatisfy { !$0.isEmpty && $0 != "." && $0 != ".." } && !text.utf8.contains(0)
      && !text.contains("\\")
  }

  /// Whether a text is the full name of a commit.
  static func isCommit(_ text: String) -> Bool { isHex(text, count: 40) }

  static func isHex(_ text: String, count: Int) -> Bool {
    text.utf8.count == count
      && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
  }

  public var description: String { revision == Self.defaultRevision ? id : "\(id)@\(revision)" }
}
