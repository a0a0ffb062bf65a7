import ArgumentParser

@main
struct Graft: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "graft",
    abstract: "A native model zoo and converter for BERT-family encoders."
  )
}
