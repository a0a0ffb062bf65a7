import Foundation
import GraftTensors

/// Where models come from and where they are kept, as the Hub's own tools take it from the environment.
///
/// Reference: https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables
public struct HubSettings: Sendable {
  /// The Hub, or a mirror: `HF_ENDPOINT`.
  public var endpoint: URL
  /// The access token, sent to the endpoint only: `HF_TOKEN`, or the file that logging in leaves.
  public var token: String?
  /// The cache that all tools share: `HF_HUB_CACHE`, else `hub` in `HF_HOME`.
  public var cache: URL
  /// Whether no connection may be opened: `HF_HUB_OFFLINE`.
  public var isOffline: Bool
  /// Further certificates to trust, as `curl` and Python's clients are told of them.
  public var certificateFile: String?
  public var certificateDirectory: String?
  /// A connection that has brought fewer bytes a second for so many seconds is given up.
  public var lowestRate = 1000
  public var patience = 30

  public static let defaultEndpoint = "https://huggingface.co"

  /// - Parameter environment: The process's variables.
  /// - Throws: `GraftError` when logging in left a token that cannot be read.
  public init(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws {
    let variables = environment.filter { !$0.value.isEmpty }
    let userHome = variables["HOME"] ?? NSHomeDirectory()
    func path(_ text: String) -> URL {
      let expanded = text == "~" || text.hasPrefix("~/") ? userHome + text.dropFirst() : text
      return URL(fileURLWithPath: expanded)
    }
    let home =
      variables["HF_HOME"].map(path)
      ?? path(variables["XDG_CACHE_HOME"] ?? "~/.cache").appendingPathComponent("huggingface")
    cache =
      (variables["HF_HUB_CACHE"] ?? variables["HUGGINGFACE_HUB_CACHE"]).map(path)
      ?? home.appendingPathComponent("hub")
    var address = variables["HF_ENDPOINT"] ?? Self.defaultEndpoint
    while address.hasSuffix("/") { address.removeLast() }
    endpoint = URL(string: address) ?? URL(fileURLWithPath: address)
    let tokenFile = variables["HF_TOKEN_PATH"].map(path) ?? home.appendingPathComponent("token")
    let stored =
      try variables["HF_TOKEN"] ?? variables["HUGGING_FACE_HUB_TOKEN"]
      ?? Self.storedToken(tokenFile)
    token = stored.map { $0.filter { !$0.isWhitespace } }.flatMap { $0.isEmpty ? nil : $0 }
    let offline = variables["HF_HUB_OFFLINE"] ?? variables["TRANSFORMERS_OFFLINE"] ?? ""
    isOffline = ["1", "ON", "YES", "TRUE"].contains(offline.uppercased())
    certificateFile =
      variables["SSL_CERT_FILE"] ?? variables["REQUESTS_CA_BUNDLE"] ?? variables["CURL_CA_BUNDLE"]
    certificateDirectory = variables["SSL_CERT_DIR"]
  }

  /// The token in a file; `nil` where there is none.
  private static func storedToken(_ file: URL) throws -> String? {
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    do {
      return try String(contentsOf: file, encoding: .utf8)
    } catch {
      throw GraftError(
        .system, "the token cannot be read", file: file.path,
        advice: "Check who may read it, or pass the token in HF_TOKEN.")
    }
  }
}
