import GraftCore

import GraftPlugins

let registry = Result { try Registry(builtInPlugins) }
