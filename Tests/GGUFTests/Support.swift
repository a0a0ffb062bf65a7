import GraftCore

@testable import graft

let registry = Result { try Registry(builtInPlugins) }
