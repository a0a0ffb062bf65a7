import GraftTensors

extension Advice {
  /// The sentence with options as flags and actions as commands.
  var commandLineText: String {
    text(option: { "--\($0)" }, action: { $0.command })
  }
}

extension Advice.Action {
  /// The command, or the flag, that does it.
  fileprivate var command: String {
    switch self {
    case .swapHead(let name, let labels):
      "'graft head swap CKPT --to \(name)\(labels.map { " --labels \(Shell.quoted($0))" } ?? "") --output DIR'"
    case .useHead(let name): "--task \(name)"
    case .swapHeadForData(let name): "'graft head swap CKPT --to \(name) --labels-from FILE --output DIR'"
    case .nameLabels(let labels): "'graft head label CKPT --labels \(Shell.quoted(labels)) --output DIR'"
    case .attachHead: "'graft head attach CKPT --head DIR --output DIR'"
    case .train: "'graft train'"
    case .resume: "--resume"
    case .fetch(let name): "'graft pull \(name)'"
    case .listModels: "'graft zoo list'"
    case .listPlugins: "'graft plugins'"
    case .allowUntrained: "--allow-untrained"
    case .checkWeights: "'graft inspect CKPT --check'"
    case .search: "'graft search'"
    case .fillMask: "'graft fill-mask'"
    case .evaluate: "'graft evaluate'"
    }
  }
}
