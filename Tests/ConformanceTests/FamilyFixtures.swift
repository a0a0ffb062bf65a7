import Foundation
import GraftCore
import GraftPlugins
import GraftTensors
import TestSupport
import Testing

/// What transformers wrote for a family: `Fixtures/NAME-tiny`, a checkpoint with `golden.safetensors` in each
/// directory. To be registered is to have them.
struct FamilyFixtures: Sendable, CustomTestStringConvertible {
  let family: Family

  static let registry = Result { try Registry(builtInPlugins) }
  static let all = ((try? registry.get().families.values) ?? []).map { FamilyFixtures(family: $0) }

  var testDescription: String { family.name }
  var directory: URL { fixtures.appending(path: "\(family.name)-tiny") }

  /// The configuration of the bare encoder.
  var configuration: Configuration {
    get throws {
      let file = directory.appending(path: "base/config.json")
      return family.adopting(try Configuration(parsing: Array(Data(contentsOf: file))))
    }
  }

  /// A checkpoint and a golden file that belongs to it.
  struct Golden: Sendable, CustomTestStringConvertible {
    let checkpoint: URL
    let file: URL

    var name: String { checkpoint.lastPathComponent }
    var testDescription: String {
      "\(checkpoint.deletingLastPathComponent().lastPathComponent)/\(name)/\(file.lastPathComponent)"
    }
  }

  /// Every golden file below the family's directory.
  var goldens: [Golden] {
    let names = FileManager.default.enumerator(atPath: directory.path)?.compactMap { $0 as? String } ?? []
    return names.filter { name in
      let file = (name as NSString).lastPathComponent
      return file.hasPrefix("golden") && file.hasSuffix(".safetensors")
    }.sorted().map { name in
      let file = directory.appending(path: name)
      return Golden(checkpoint: file.deletingLastPathComponent(), file: file)
    }
  }

  static let goldens = all.flatMap(\.goldens)

  /// A file of gradients or of a training curve by PyTorch: `NAME_TASK.safetensors`.
  struct TaskFile: Sendable, CustomTestStringConvertible {
    let fixtures: FamilyFixtures
    let head: String
    let file: URL

    var testDescription: String { file.lastPathComponent }
    var checkpoint: URL { fixtures.directory.appending(path: head) }
  }

  /// The files of a kind, `gradients` or `curves`, for every head that has one.
  static func taskFiles(_ kind: String) -> [TaskFile] {
    all.flatMap { fixtures -> [TaskFile] in
      let heads = (try? registry.get().heads(of: fixtures.family)) ?? []
      return heads.compactMap { head in
        let name = "\(fixtures.family.name)_\(FamilyHead.scope(head.name)).safetensors"
        let file = TestSupport.fixtures.appending(path: "\(kind)/\(name)")
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        return TaskFile(fixtures: fixtures, head: head.name, file: file)
      }
    }
  }

  /// The heads of the family that a dialect can store.
  var heads: [HeadSet] {
    get throws {
      try Self.registry.get().heads(of: family).filter { head in family.dialects.contains { $0.knows(head) } }
    }
  }
}

@Suite("Every family has what it is held to")
struct FamilyFixturesTests {
  @Test("goldens of the encoder and of every head, gradients and curves of what is trained most")
  func present() throws {
    #expect(!FamilyFixtures.all.isEmpty)
    for fixtures in FamilyFixtures.all {
      let names = Set(fixtures.goldens.map(\.name))
      #expect(names.contains("base"), "\(fixtures.family.name)")
      for head in try fixtures.heads {
        #expect(names.contains(head.name), "\(fixtures.family.name): \(head.name)")
      }
      for kind in ["gradients", "curves"] {
        let heads = FamilyFixtures.taskFiles(kind).filter { $0.fixtures.family.name == fixtures.family.name }
        #expect(
          heads.map(\.head).contains("masked-lm") && heads.map(\.head).contains("sequence-classification"),
          "\(fixtures.family.name): \(kind)")
      }
    }
  }
}
