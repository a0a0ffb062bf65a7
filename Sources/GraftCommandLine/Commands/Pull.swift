import ArgumentParser
import Foundation
import GraftHub
import GraftTensors

/// `graft pull`
struct Pull: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull",
    abstract: "Fetch a published model into the cache.",
    discussion: """
      NAME is a model of the Hugging Face Hub, with a branch, tag or commit if wanted. Its best weights \
      (safetensors, else .bin, else .h5), configuration and tokenizer are fetched, checked, and kept in the cache \
      that the Hub's Python tools use as well. The directory is printed. A fetch that was interrupted goes on \
      where it stopped. A file in the cache whose size is not what the Hub says is fetched again; with --force \
      also one whose bytes are not.

      ENVIRONMENT
        HF_HOME, HF_HUB_CACHE   where the cache is (default: ~/.cache/huggingface)
        HF_ENDPOINT             another address than https://huggingface.co
        HF_TOKEN                for private and gated models; never sent anywhere else
        HF_HUB_OFFLINE=1        open no connection; as --offline
        https_proxy, SSL_CERT_FILE, SSL_CERT_DIR   as for curl

      EXAMPLES
        graft pull bert-base-uncased
        graft pull google/bert_uncased_L-2_H-128_A-2@main
        graft pull bert-base-uncased --force
        graft pull bert-base-uncased --offline
      """)

  @Argument(
    help: ArgumentHelp("A model: NAME or ORG/NAME, and @REVISION.", valueName: "NAME"),
    completion: .names { RegisteredNames.models })
  var name: String

  @Flag(help: "Check every byte of what is in the cache, and fetch again what is damaged.")
  var force = false

  @OptionGroup var hub: HubFlags
  @OptionGroup var flags: OutputFlags

  func validate() throws {
    guard ModelName(name) != nil else {
      throw ValidationError("'\(name)' is no model's name: it is NAME or ORG/NAME, with @REVISION if wanted.")
    }
    if force, hub.offline { throw ValidationError("Give --force or --offline, not both.") }
  }

  func run() throws {
    let registry = try GraftTool.registry()
    if let registered = try hub.registered(self.name, registry, flags.console) { return try show(registered) }
    guard let name = ModelName(name) else { return }
    let model = try hub.fetch(name, registry, flags.console, checking: force ? .contents : .sizes)
    guard flags.json else { return try Output.print(model.directory.path) }
    try Output.print(
      .object([
        ("name", .string(name.id)), ("revision", .string(name.revision)), ("commit", .string(model.commit)),
        ("directory", JSON(model.directory)), ("fetched_bytes", JSON(model.fetched)),
        ("resumed_bytes", JSON(model.resumed)),
      ]))
  }

  /// Prints where a local checkpoint is. Nothing is fetched.
  private func show(_ registered: URL) throws {
    guard flags.json else { return try Output.print(registered.path) }
    try Output.print(
      .object([("name", .string(name)), ("directory", JSON(registered)), ("fetched_bytes", JSON(0))]))
  }
}
