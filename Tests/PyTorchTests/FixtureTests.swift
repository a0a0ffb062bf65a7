import FormatTesting
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

  @Test func thereAreSome() { #expect(Self.names.count >= 16) }

  @Test(arguments: names) func readsWhatTorchReads(_ name: String) throws {
    let url = Self.folder.appendingPathComponent(name)
    #expect(try PyTorchFormat().recognizes(RandomAccessFile(url)))
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
