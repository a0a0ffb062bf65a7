import TestSupport
import Foundation
import GraftTensors
import PyTorch
import Safetensors
import Testing

/// Files written by `torch.save`: what is read is what `torch.load` made of them, bit for bit.
@Suite struct FixtureTests {
  static let folder = fixtures.appendingPathComponent("pytorch")
  static let names =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [])
    .filter { $0.hasSuffix(".pt") }.sorted()

  @Test func thereAreSome() { #expect(Self.names.count >= 17) }

  @Test(arguments: names) func readsWhatTorchReads(_ name: String) throws {
    let url = Self.folder.appendingPathComponent(name)
    let truth = url.deletingPathExtension().appendingPathExtension("safetensors")
    #expect(try PyTorchFormat().open(url).differences(from: SafetensorsFormat().open(truth)) == [])
  }

  /// A tied decoder is there twice and stored once; the device it was on does not matter.
  @Test func readsACheckpointWithSharedStorages() throws {
    let read = try PyTorchFormat().open(Self.folder.appendingPathComponent("bert-tiny/pytorch_model.bin"))
    var truth = try SafetensorsFormat().open(
      fixtures.appendingPathComponent("bert-tiny/float16/model.safetensors"))
    truth["cls.predictions.decoder.weight"] = truth["bert.embeddings.word_embeddings.weight"]
    truth["cls.predictions.decoder.bias"] = truth["cls.predictions.bias"]
    #expect(try read.differences(from: truth) == [])
  }

  /// The two names of a shared storage have one origin, whoever opened the file; all other tensors have their own.
  @Test func sharedStoragesHaveOneOrigin() throws {
    let url = Self.folder.appendingPathComponent("bert-tiny/pytorch_model.bin")
    let (read, again) = (try PyTorchFormat().open(url), try PyTorchFormat().open(url))
    let tied = [
      "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
      "cls.predictions.decoder.bias": "cls.predictions.bias",
    ]
    for (name, tensor) in read.tensors {
      let same = read.tensors.filter { $0.value.hasSameOrigin(as: tensor) }.keys.elements
      let partner = tied[name] ?? tied.first { $0.value == name }?.key
      #expect(Set(same) == Set([name, partner].compactMap { $0 }))
      #expect(again[name]?.hasSameOrigin(as: tensor) == true, "\(name)")
    }
  }

  /// Views of one storage are told apart by where they begin and how they go.
  @Test(arguments: ["views.pt", "views-stream.pt"]) func viewsHaveTheirOwnOrigins(_ name: String) throws {
    let read = try PyTorchFormat().open(Self.folder.appendingPathComponent(name))
    for (first, left) in read.tensors {
      for (second, right) in read.tensors where left.hasSameOrigin(as: right) {
        #expect(try left.bytes() == right.bytes(), "\(first), \(second)")
      }
    }
    #expect(Set(read.tensors.values.map(\.origin)).count > 1)
  }

  /// Bytes at any place, which is how two tensors are compared.
  @Test(arguments: ["views.pt", "views-stream.pt", "deflated.pt", "big-endian.pt"])
  func comparesWithoutReadingWhole(_ name: String) throws {
    let url = Self.folder.appendingPathComponent(name)
    let (read, again) = (try PyTorchFormat().open(url), try PyTorchFormat().open(url))
    let truth = try SafetensorsFormat().open(
      url.deletingPathExtension().appendingPathExtension("safetensors"))
    for (name, tensor) in truth.tensors {
      let found = try #require(read[name])
      #expect(try tensor.isIdentical(to: found), "\(name)")
      #expect(try found.isIdentical(to: #require(again[name])), "\(name)")
    }
  }
}
