import TestSupport
import Foundation
import GraftTensors
import PyTorch
import Testing
import Zip

/// Pickles that ask for too much, in both forms of a file, and what a person reads about each.
@Suite struct HostileFileTests {
  typealias Case = Refusal<[UInt8]>

  @Test(arguments: cases) func isRefused(_ item: Case) throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.pt")
      let other = directory.appendingPathComponent("stream.pt")
      try archive(item.input).write(to: url)
      try Data(Self.streamHead + item.input).write(to: other)
      for url in [url, other] {
        let error = #expect(throws: GraftError.self) { try PyTorchFormat().open(url) }
        #expect(error?.description == "\(url.path): \(item.message)")
      }
    }
  }

  /// A zip with the pickle and one storage, `0`, of four bytes.
  private func archive(_ pickle: [UInt8]) throws -> Data {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("a.zip")
      try ZipWriter.write(url) { zip in
        try zip.append("a/data.pkl", pickle)
        try zip.append("a/data/0", [0, 0, 0x80, 0x3F])
      }
      return try Data(contentsOf: url)
    }
  }

  /// What the stream form begins with: the magic number, the version, the facts about the machine.
  static let streamHead =
    bytes("\u{80}\u{2}\u{8A}\u{A}\u{6C}\u{FC}\u{9C}\u{46}\u{F9}\u{20}\u{6A}\u{A8}\u{50}\u{19}.")
    + bytes("\u{80}\u{2}M\u{E9}\u{3}.") + bytes("\u{80}\u{2}}U\u{D}little_endian\u{88}s.")

  /// `_rebuild_tensor_v2` of storage `0`, float32, with the rest of its arguments; under the key `w`.
  static func tensor(_ arguments: String, storage: String = "U\u{1}0U\u{3}cpuK\u{1}t") -> String {
    "\u{80}\u{2}}U\u{1}wctorch._utils\n_rebuild_tensor_v2\n"
      + "((U\u{7}storagectorch\nFloatStorage\n\(storage)Q\(arguments)tRs."
  }

  static let cases = calls + programs + tensors

  static let again = " Copy or download it again."
  static let save = " Save the weights alone: torch.save(model.state_dict(), FILE)."
  static let noCode = " Graft runs no code of a file." + save

  // MARK: Calls

  static let calls = [
    Case(
      "os.system", "\u{80}\u{2}cos\nsystem\nU\u{2}id\u{85}R.",
      "the pickle asks for 'os.system', which is no part of weights." + noCode),
    Case(
      "builtins.eval by protocol 4",
      "\u{80}\u{4}\u{8C}\u{8}builtins\u{8C}\u{4}eval\u{93}\u{8C}\u{1}1\u{85}R.",
      "the pickle asks for 'builtins.eval', which is no part of weights." + noCode),
    Case(
      "getattr, to come to it another way", "c__builtin__\ngetattr\n(ctorch\nos\ntR.",
      "the pickle asks for '__builtin__.getattr', which is no part of weights." + noCode),
    Case(
      "another function of torch", "\u{80}\u{2}ctorch.hub\nload\n)R.",
      "the pickle asks for 'torch.hub.load', which is no part of weights." + noCode),
    Case(
      "an element type of later hardware", "\u{80}\u{2}ctorch\nfloat8_e4m3fn\n.",
      "the pickle has 'torch.float8_e4m3fn', which is no type that Graft reads. "
        + "Convert it before saving: tensor.float()."),
    Case(
      "an object that is no module",
      "\u{80}\u{2}ctransformers.models.bert.modeling_bert\nBertModel\n)\u{81}}b.",
      "the pickle asks for 'transformers.models.bert.modeling_bert.BertModel', which is no part of weights."
        + noCode),
    Case(
      "a name of a megabyte", "c" + String(repeating: "x", count: 1 << 20) + "\ny\n.",
      "the pickle is broken: a line has more than 65536 bytes." + again),
    Case(
      "a name as long as a line may be", "c" + String(repeating: "x", count: 1 << 16) + "\ny\n.",
      "the pickle asks for '\(String(repeating: "x", count: 80))', which is no part of weights." + noCode),
    Case(
      "INST", "(ios\nsystem\n.",
      "the pickle has an opcode that weights do not need; found 0x69 at byte 1." + save),
    Case(
      "OBJ", "(cos\nsystem\no.",
      "the pickle has an opcode that weights do not need; found 0x6f at byte 12." + save),
    Case(
      "a call beside weights", "\u{80}\u{2}}(U\u{1}acos\nsystem\nU\u{2}id\u{85}Ru.",
      "the pickle asks for 'os.system', which is no part of weights." + noCode),
    Case(
      "a call of an object", "\u{80}\u{2}cx\nY\n)\u{81})R.",
      "the pickle is broken: it calls an object with a sequence." + again),
    Case(
      "an extension code", "\u{80}\u{2}\u{82}\u{1}.",
      "the pickle has an opcode that weights do not need; found 0x82 at byte 2." + save),
    Case(
      "a call of what was called", "\u{80}\u{2}ccollections\nOrderedDict\n)R)R.",
      "the pickle is broken: it calls a dictionary with a sequence." + again),
    Case(
      "a call with something else than arguments", "\u{80}\u{2}ccollections\nOrderedDict\nNR.",
      "the pickle is broken: it calls a class or function with None." + again),
    Case(
      "a call of a type", "\u{80}\u{2}ctorch\nFloatStorage\n)R.",
      "the pickle is broken: it calls a type." + again),
    Case(
      "a tensor made by anything", "\u{80}\u{2}ctorch._tensor\n_rebuild_from_type_v2\n(ctorch\ndevice\nN)tR.",
      "the pickle is broken: a tensor is made in an unknown way." + again),
    Case(
      "a tensor made by itself",
      "\u{80}\u{2}ctorch._tensor\n_rebuild_from_type_v2\nq\u{0}(h\u{0}Nh\u{0}tR.",
      "the pickle is broken: a tensor is made in an unknown way." + again),
    Case(
      "a state for a number", "\u{80}\u{2}K\u{1}}b.",
      "the pickle is broken: an integer is given a state." + again),
  ]

  // MARK: Programs

  static let tooLarge =
    "the pickle is too large for a table of weights; expected at most 1000000 objects." + save

  /// A module under a name of 100,000 bytes, in four hundred places.
  static let longNames: String = {
    func module(_ number: Character, _ inner: String) -> String {
      "cx\nY\n)\u{81}q\(number)}(U\u{B}_parameters}U\u{8}_modules}\(inner)ub"
    }
    let name = "X\u{A0}\u{86}\u{1}\u{0}" + String(repeating: "x", count: 100_000)
    let places = (100..<500).map { "U\u{3}\($0)h\u{1}" }.joined()
    return "\u{80}\u{2}" + module("\u{0}", "") + module("\u{1}", "(\(name)h\u{0}u")
      + module("\u{2}", "(\(places)u") + "."
  }()

  /// Forty modules, each of which has the one before twice.
  static let doubling: String = {
    var program = "\u{80}\u{2}"
    for place in 0..<40 {
      let before = Character(UnicodeScalar(UInt8(max(0, place - 1))))
      let this = Character(UnicodeScalar(UInt8(place)))
      let inner = place == 0 ? "" : "(U\u{1}ah\(before)U\u{1}bh\(before)u"
      program += "cx\nY\n)\u{81}q\(this)}(U\u{B}_parameters}U\u{8}_modules}\(inner)ub"
    }
    return program + "."
  }()

  static let programs = [
    Case("an empty stack", "\u{80}\u{2}.", "the pickle is broken: its stack is empty." + again),
    Case("a mark taken for a value", "K\u{1}(\u{85}.", "the pickle is broken: its stack is empty." + again),
    Case("no mark", "\u{80}\u{2}K\u{1}t.", "the pickle is broken: a mark is missing." + again),
    Case(
      "a memo entry that is not there", "\u{80}\u{2}h\u{7}.",
      "the pickle is broken: it recalls what it did not store." + again),
    Case("a memo entry of no number", "gx\n.", "the pickle is broken: a number cannot be read." + again),
    Case(
      "a key without a value", "\u{80}\u{2}}(K\u{1}u.", "the pickle is broken: a key has no value." + again),
    Case(
      "an item for a number", "\u{80}\u{2}K\u{1}K\u{2}a.",
      "the pickle is broken: an integer is used as a list." + again),
    Case(
      "a key for a number", "\u{80}\u{2}K\u{1}K\u{2}K\u{3}s.",
      "the pickle is broken: an integer is used as a dictionary." + again),
    Case(
      "a later protocol", "\u{80}\u{6}}.", "the pickle's protocol is unknown; expected 0 to 5, found 6."),
    Case(
      "a storage's description by text", "Pstorage\n.",
      "a pickle of protocol 0, which has its tensors' storages as text. Save it again without pickle_protocol=0."
    ),
    Case(
      "a storage of something else", "\u{80}\u{2}U\u{6}module\u{85}Q.",
      "the pickle is broken: a storage's description is not one." + again),
    Case(
      "a million and one numbers", "(" + String(repeating: "K\u{1}", count: 1_000_001) + "t.", tooLarge),
    Case("a million and one marks", String(repeating: "(", count: 1_000_001) + ".", tooLarge),
    Case(
      "a tuple that doubles a million times over", "]" + String(repeating: "2\u{86}", count: 1_000_000) + ".",
      tooLarge),
    Case(
      "a million and one memo entries",
      bytes("K\u{1}") + (0..<1_000_001).flatMap { [0x72] + number($0) } + bytes("."), tooLarge),
    Case(
      "a list that holds itself", "]q\u{0}h\u{0}a.",
      "no weights: the file holds a sequence, not a dictionary of tensors." + save),
    Case(
      "a dictionary that holds itself", "}q\u{0}U\u{5}modelh\u{0}s.",
      "no weights: the file's dictionary holds no tensors; "
        + "expected tensors, or one of state_dict, model_state_dict, model, module, found 'model'." + save),
    Case(
      "a hundred thousand lists in each other",
      String(repeating: "(", count: 100_000) + String(repeating: "l", count: 100_000) + ".",
      "no weights: the file holds a sequence, not a dictionary of tensors." + save),
    Case(
      "a module that holds itself",
      "\u{80}\u{2}cx\nY\n)\u{81}q\u{0}}(U\u{B}_parameters}U\u{8}_modules}U\u{1}ah\u{0}sub.",
      "more than 64 modules in one another." + save),
    Case(
      "a long name in many places", longNames, "modules that stand in one another too many times." + save),
    Case(
      "modules that double in each other", doubling,
      "modules that stand in one another too many times." + save),
    Case(
      "arrays of NumPy", "\u{80}\u{2}}U\u{1}wcnumpy.core.multiarray\n_reconstruct\n)Rs.",
      "the pickle asks for 'numpy.core.multiarray._reconstruct', which is no part of weights." + noCode),
  ]

  // MARK: Tensors

  static let notOne = "the pickle is broken: a storage's description is not one." + again

  static let tensors = [
    Case(
      "of a number", "\u{80}\u{2}ctorch._utils\n_rebuild_tensor_v2\n(K\u{1}K\u{0}))tR.",
      "the pickle is broken: a tensor is made of something else than a storage." + again),
    Case("without a count", tensor("K\u{0}))", storage: "U\u{1}0U\u{3}cput"), notOne),
    Case(
      "of a negative count", tensor("K\u{0}))", storage: "U\u{1}0U\u{3}cpuJ\u{FF}\u{FF}\u{FF}\u{FF}t"), notOne
    ),
    Case(
      "with a negative offset", tensor("J\u{FF}\u{FF}\u{FF}\u{FF}))"),
      "the pickle is broken: a tensor's offset, shape and strides contradict each other." + again),
    Case(
      "with a negative extent", tensor("K\u{0}J\u{FF}\u{FF}\u{FF}\u{FF}\u{85}K\u{1}\u{85}"),
      "the pickle is broken: a tensor's shape has an integer where a size should be." + again),
    Case(
      "with a text for an extent", tensor("K\u{0}U\u{1}1\u{85}K\u{1}\u{85}"),
      "the pickle is broken: a tensor's shape has a string where a size should be." + again),
    Case(
      "with a number for a shape", tensor("K\u{0}K\u{1}K\u{1}"),
      "the pickle is broken: a tensor's shape is an integer, not a tuple." + again),
    Case(
      "with more strides than extents", tensor("K\u{0}K\u{1}\u{85}K\u{1}K\u{1}\u{86}"),
      "the pickle is broken: a tensor's offset, shape and strides contradict each other." + again),
    Case(
      "of 65 extents", tensor("K\u{0}(" + String(repeating: "K\u{1}", count: 65) + "t)"),
      "the pickle is broken: a tensor has more than 64 extents." + again),
    Case(
      "conjugated", tensor("K\u{0}))\u{89}}}U\u{4}conj\u{88}s"),
      "a tensor is stored conjugated or negated. Save a copy of it: tensor.clone()."),
  ]
}

/// Tensors that do not fit the storages of a whole file.
@Suite struct HostileTensorTests {
  @Test(arguments: [
    (
      "K\u{1}\u{85}K\u{1}\u{85}", "K\u{1}",
      "the tensor reaches beyond its storage; expected 1 elements, found shape [1], strides [1], offset 1."
    ),
    (
      "K\u{2}\u{85}K\u{1}\u{85}", "K\u{0}",
      "the tensor reaches beyond its storage; expected 1 elements, found shape [2], strides [1], offset 0."
    ),
    (
      "\u{8A}\u{8}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{7F}\u{85}K\u{1}\u{85}", "K\u{0}",
      "the tensor reaches beyond its storage; expected 1 elements, "
        + "found shape [9223372036854775807], strides [1], offset 0."
    ),
    (
      "J\u{0}\u{0}\u{0}\u{40}\u{85}K\u{0}\u{85}", "K\u{0}",
      "the tensors repeat the same bytes to many times their size; expected at most 64 times 4 bytes in all, "
        + "found float32 [1073741824]. Save a copy of it: tensor.contiguous()."
    ),
  ])
  func doesNotFit(_ extents: String, _ offset: String, _ message: String) throws {
    let arguments = offset + extents
    #expect(try open(HostileFileTests.tensor(arguments)) == "tensor 'w': \(message)")
  }

  @Test func isStoredElsewhere() throws {
    let again = " Copy or download it again."
    #expect(
      try open(HostileFileTests.tensor("K\u{0}))", storage: "U\u{1}7U\u{3}cpuK\u{1}t"))
        == "tensor 'w': its storage is not in the file; found no entry 'a/data/7'." + again)
    #expect(
      try open(HostileFileTests.tensor("K\u{0}))", storage: "U\u{1}0U\u{3}cpuK\u{2}t"))
        == "tensor 'w': its storage does not have the length that the pickle says; "
        + "expected 8 bytes, found 4." + again)
    #expect(
      try open(
        HostileFileTests.tensor(
          "K\u{0}))", storage: "U\u{1}0U\u{3}cpu\u{8A}\u{8}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{FF}\u{7F}t")
      )
        == "tensor 'w': the pickle is broken: a storage's size is out of range." + again)
  }

  @Test func aChangedByteOfAStorageIsFound() throws {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.pt")
      let weights = Weights(["w": LazyTensor([1, 2, 3] as [Float], shape: [3])])
      try PyTorchFormat().write(weights, to: url)
      var content = try Data(contentsOf: url)
      let place = try #require(content.firstRange(of: numbers([1, 2, 3])))
      content[place.lowerBound] ^= 1
      try content.write(to: url)
      let read = try #require(try PyTorchFormat().open(url)["w"])
      let memory = LazyTensor([1, 2, 3] as [Float], shape: [3])
      for body in [{ _ = try read.bytes() }, { _ = try memory.isIdentical(to: read) }] {
        let error = #expect(throws: GraftError.self, performing: body)
        #expect(
          error?.description
            == "\(url.path): entry 'archive/data/0': the entry is corrupt: its checksum is wrong. "
            + "Copy or download it again.")
      }
    }
  }

  private func numbers(_ values: [Float]) -> Data { values.withUnsafeBytes { Data($0) } }

  private func open(_ pickle: String) throws -> String {
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.pt")
      try ZipWriter.write(url) { zip in
        try zip.append("a/data.pkl", bytes(pickle))
        try zip.append("a/data/0", [0, 0, 0x80, 0x3F])
      }
      let error = #expect(throws: GraftError.self) { try PyTorchFormat().open(url) }
      return error?.description.replacingOccurrences(of: "\(url.path): ", with: "") ?? ""
    }
  }
}

/// Files that are something else, or a PyTorch file in a way that is not read.
@Suite struct OtherFileTests {
  @Test func oldAndOtherFilesAreNamed() throws {
    var tar = [UInt8](repeating: 0, count: 1024)
    tar.replaceSubrange(0..<8, with: Array("sys_info".utf8))
    tar.replaceSubrange(257..<262, with: Array("ustar".utf8))
    let facts = HostileFileTests.streamHead.dropLast(3)
    let cases: [([UInt8], String)] = [
      (
        tar,
        "a file of PyTorch before 0.1.10, which only PyTorch itself reads. Load it with PyTorch and save it again."
      ),
      (
        HostileFileTests.streamHead.dropLast(20) + [],
        "truncated: the pickle ends without its end mark. Copy or download it again."
      ),
      (
        Array(facts + bytes("\u{89}s.")),
        "a PyTorch file of a big-endian machine, in the form before 1.6. Load it with PyTorch and save it again."
      ),
      (
        HostileFileTests.streamHead + bytes("}.]U\u{1}7a."),
        "the pickle is broken: the storages' keys are not those of the table. Copy or download it again."
      ),
      (
        HostileFileTests.streamHead + bytes("}.]..."),
        "something follows the last storage; expected \(HostileFileTests.streamHead.count + 4) bytes, "
          + "found \(HostileFileTests.streamHead.count + 6). Copy or download it again."
      ),
      ([], "an empty file, not a PyTorch file. Download it again."),
      (Array("weights".utf8), "a text, not a PyTorch file. Name the weight file."),
    ]
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.bin")
      for (content, message) in cases {
        try Data(content).write(to: url)
        let error = #expect(throws: GraftError.self) { try PyTorchFormat().open(url) }
        #expect(error?.description == "\(url.path): \(message)")
      }
    }
  }

  @Test func distributedCheckpointsAreNamed() throws {
    let message =
      "a distributed checkpoint of PyTorch, whose files are no weight files of their own. Make one file of it "
      + "with dcp_to_torch_save of torch.distributed.checkpoint.format_utils."
    try withTemporaryDirectory { directory in
      #expect(try PyTorchFormat.namedFile(in: directory) == nil)
      let url = directory.appending(path: "__0_0.distcp")
      try Data(bytes("}.")).write(to: url)
      #expect(try PyTorchFormat.namedFile(in: directory) == nil)
      try Data().write(to: directory.appending(path: ".metadata"))
      #expect(errorMessage { _ = try PyTorchFormat().open(url) } == "\(url.path): \(message)")
      #expect(
        errorMessage { _ = try PyTorchFormat.namedFile(in: directory) } == "\(directory.path): \(message)")
    }
  }

  @Test func archivesOfOtherThingsAreNamed() throws {
    let cases: [(names: [String], message: String)] = [
      (["a.txt"], "a zip archive, not a PyTorch file. Unpack it first."),
      (
        ["a/data.pkl", "a/constants.pkl"],
        "a TorchScript program, not weights alone. "
          + "Save the weights alone: torch.save(model.state_dict(), FILE)."
      ),
      (["a/data.pkl", "a/byteorder"], "the byte order is unknown; expected little or big, found '}.'."),
    ]
    try withTemporaryDirectory { directory in
      let url = directory.appendingPathComponent("model.bin")
      for (names, message) in cases {
        try ZipWriter.write(url) { zip in for name in names { try zip.append(name, bytes("}.")) } }
        let error = #expect(throws: GraftError.self) { try PyTorchFormat().open(url) }
        #expect(error?.description == "\(url.path): \(message)")
      }
    }
  }
}

extension Refusal where Input == [UInt8] {
  /// - Parameter pickle: Text, whose `\u{80}` and above stand for the bytes of these numbers.
  init(_ name: String, _ pickle: String, _ message: String) { self.init(name, bytes(pickle), message) }
}
