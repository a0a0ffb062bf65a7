import Foundation
import GraftTensors
import TestSupport
import Testing

/// Broken files of every format: `graft inspect` says what they are, how much is there, and what to do.
@Suite struct BrokenFileTests {
  /// A real checkpoint one of whose files is cut off, and what is said of it.
  struct Cut: Sendable, CustomTestStringConvertible {
    /// The file, below `Fixtures`.
    let file: String
    /// How many of its bytes are left; `nil` leaves none of them, nor the file.
    let count: Int?
    let kind: String?
    let message: String

    init(_ file: String, _ count: Int?, _ kind: String?, _ message: String) {
      (self.file, self.count, self.kind, self.message) = (file, count, kind, message)
    }

    var testDescription: String { "\(count ?? 0) bytes of \(file)" }
  }

  private static let bundle = "tensorflow/google/sharded/bert_model.ckpt"

  static let cuts = [
    Cut(
      "bert-tiny/base/model.safetensors", 59_268, "safetensors",
      "truncated: the tensors need 118536 bytes, the file has 59268, with 14 of 39 tensors whole. Copy or"),
    Cut(
      "bert-tiny/base/model.safetensors", 1000, "safetensors",
      "truncated: the header needs 3976 bytes, the file has 1000. Copy or download it again."),
    Cut(
      "bert-tiny/sharded/model-00002-of-00003.safetensors", nil, nil,
      "this shard is missing; found 22 of 46 tensors in other shards. Download the whole model again."),
    Cut(
      "pytorch/bert-tiny/pytorch_model.bin", 60_000, "pytorch",
      "truncated: the zip archive does not end with its directory; found 60000 bytes that begin with"),
    Cut(
      "keras-hub/backbone/model.weights.h5", 9000, "hdf5",
      "truncated; expected 103744 bytes, found 9000. Copy or"),
    Cut(
      "tensorflow/h5/base/tf_model.h5", 60_000, "hdf5",
      "truncated; expected 66112 bytes, found 60000. Copy or"),
    Cut(
      "\(bundle).data-00000-of-00002", 1000, "tensorflow",
      "truncated: the tensor ends behind its data file; expected"),
    Cut(
      "\(bundle).data-00001-of-00002", nil, nil,
      "this data file of the checkpoint is missing. Copy or download all"),
    Cut("\(bundle).index", 700, "tensorflow", "truncated: the index does not end with its footer; found 700"),
  ]

  @Test(arguments: cuts) func cutOff(_ cut: Cut) throws {
    try Sandbox.with { sandbox in
      let source = fixtures.appending(path: "\(cut.file)")
      try FileManager.default.copyItem(at: source.deletingLastPathComponent(), to: sandbox.url("model"))
      let file = "model/\(source.lastPathComponent)"
      if let count = cut.count {
        try sandbox.write(file, Array(try Data(contentsOf: source).prefix(count)))
      } else {
        try FileManager.default.removeItem(at: sandbox.url(file))
      }
      let name = source.lastPathComponent
      let checkpoint = name.hasSuffix(".index") ? file : "model"
      try expect(sandbox, checkpoint, file: file, kind: cut.kind, size: cut.count, message: cut.message)
    }
  }

  static let contents: [(kind: String?, content: [UInt8], advice: String)] = [
    ("an empty file", [], "Download it again."),
    (
      "a Git LFS pointer", Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8),
      "Run 'git lfs pull'"
    ),
    (
      "an HTML page", Array("<!DOCTYPE html>\n<title>401</title>".utf8),
      "The download was answered with a page"
    ),
    ("an XML page", Array("<?xml version=\"1.0\"?><Error/>".utf8), "The download was answered with a page"),
    ("a text", Array("text,label\nA sentence – with commas,1\n".utf8), "Name the weight file."),
    ("a JSON text", Array("{\"hidden_size\": 32}".utf8), "Name the weight file"),
    ("zeros at its beginning", [UInt8](repeating: 0, count: 5000), "Download it again."),
    ("a gzip file", [0x1F, 0x8B, 8, 0, 0, 0], "Unpack it first."),
    (nil, [0xC3, 0x28, 0, 7, 0xFF, 0xFE, 0, 1, 2], "Known formats: safetensors"),
  ]

  @Test(
    "what stands under a weight file's name instead of weights is named",
    arguments: [
      "model.safetensors", "pytorch_model.bin", "model.npz", "tf_model.h5", "bert_model.ckpt.index",
    ],
    contents.indices)
  func somethingElse(_ name: String, _ index: Int) throws {
    let (kind, content, advice) = Self.contents[index]
    try Sandbox.with { sandbox in
      try sandbox.copy("base")
      try FileManager.default.removeItem(at: sandbox.url("model/model.safetensors"))
      try sandbox.write("model/\(name)", content)
      let message = kind.map { "\($0), not weights. \(advice)" } ?? "no known weight format. \(advice)"
      try expect(
        sandbox, "model", file: "model/\(name)", kind: kind, size: content.count, message: message)
    }
  }

  /// Holds what is printed against what is there, for people and for machines.
  private func expect(
    _ sandbox: Sandbox, _ checkpoint: String, file: String, kind: String?, size: Int?, message: String
  ) throws {
    let text = try sandbox.graft(["inspect", checkpoint])
    #expect(text.code == 1 && !text.crashed)
    #expect(
      text.stderr.hasPrefix("graft: error: \(file): ") && text.stderr.contains(message), "\(text.stderr)")
    #expect(text.stdout.contains("file        \(file)"), "\(text.stdout)")
    if let kind { #expect(text.stdout.contains("kind        \(kind)\n"), "\(text.stdout)") }

    let json = try sandbox.graft(["inspect", checkpoint, "--json"])
    #expect(json.code == 1)
    let found = try JSON(parsing: Array(json.stdout.utf8))
    #expect(found["file"]?.string == file)
    #expect(found["kind"]?.string == kind)
    #expect(found["size"]?.int == size)
    let sentence = try #require(found["error"]?["message"]?.string)
    #expect(sentence.contains(message) && json.stderr.contains(sentence))
  }

  #if arch(x86_64)
    /// What the system knows as the program is the loader then, which is no reader.
    @Test func whereLibhdf5CannotBeStarted() throws {
      try Sandbox.with { sandbox in
        let file = fixtures.appending(path: "hdf5/library/v110-plain.h5")
        try FileManager.default.copyItem(at: file, to: sandbox.url("model.h5"))
        let outcome = try sandbox.shell(#"/lib64/ld-linux-x86-64.so.2 "$GRAFT" inspect model.h5"#)
        #expect(outcome.code == 1)
        #expect(
          outcome.stderr.contains("libhdf5 might read it, but cannot be started (it ends with status"),
          "\(outcome)")
      }
    }
  #endif
}
