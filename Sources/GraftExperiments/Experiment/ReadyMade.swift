import Foundation

/// Experiments that come with Graft, by name.
public enum ReadyMadeExperiment: String, CaseIterable, Sendable {
  case notebook
  case notebookFull = "notebook-full"

  /// The YAML.
  public var text: String {
    let bytes =
      switch self {
      case .notebook: PackageResources.notebook_yaml
      case .notebookFull: PackageResources.notebook_full_yaml
      }
    return String(decoding: bytes, as: UTF8.self)
  }
}
