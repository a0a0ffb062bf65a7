import GraftCommandLine
import GraftPlugins

GraftTool.main(plugins: builtInPlugins)
