import COutOfMemory
import GraftCommandLine
import GraftPlugins

end_when_out_of_memory()
GraftTool.main(plugins: builtInPlugins)
