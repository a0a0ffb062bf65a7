import Foundation

/// The root of the repository.
public let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

/// The repository's `Fixtures`.
public let fixtures = repository.appending(path: "Fixtures")
