import ALBERT
import AdamW
import BERT
import ByteLevelBPE
import CamemBERT
import DeBERTa
import DistilBERT
import ELECTRA
import GGUF
import GraftCore
import HDF5
import LineLogs
import MPNet
import MaskedLM
import ModernBERT
import MultipleChoice
import NextSentence
import NomicBERT
import NumPy
import ONNX
import OneDNN
import OpenBLAS
import Pipeline
import PyTorch
import QuestionAnswering
import ReplacedTokenDetection
import RoBERTa
import Safetensors
import SentenceEmbedding
import SentenceOrder
import SequenceClassification
import TensorBoard
import TensorFlowBundle
import TokenClassification
import WordPiece
import XLMRoBERTa

/// The plugins that ship with Graft: the one list. To add one, add its target to `Package.swift` and its type
/// here.
public let builtInPlugins: [any Plugin.Type] = [
  SafetensorsPlugin.self,
  PyTorchPlugin.self,
  NumPyPlugin.self,
  HDF5Plugin.self,
  TensorFlowBundlePlugin.self,
  GGUFPlugin.self,
  ONNXPlugin.self,
  BERTPlugin.self,
  DeBERTaPlugin.self,
  DistilBERTPlugin.self,
  ModernBERTPlugin.self,
  NomicBERTPlugin.self,
  RoBERTaPlugin.self,
  XLMRoBERTaPlugin.self,
  CamemBERTPlugin.self,
  ELECTRAPlugin.self,
  MPNetPlugin.self,
  ALBERTPlugin.self,
  MaskedLMPlugin.self,
  NextSentencePlugin.self,
  SentenceOrderPlugin.self,
  ReplacedTokenDetectionPlugin.self,
  SequenceClassificationPlugin.self,
  TokenClassificationPlugin.self,
  QuestionAnsweringPlugin.self,
  SentenceEmbeddingPlugin.self,
  MultipleChoicePlugin.self,
  WordPiecePlugin.self,
  ByteLevelBPEPlugin.self,
  PipelinePlugin.self,
  AdamWPlugin.self,
  TensorBoardPlugin.self,
  LineLogsPlugin.self,
  OpenBLASPlugin.self,
  OneDNNPlugin.self,
]

extension Registry {
  /// A registry of the built-in plugins.
  ///
  /// - Throws: `GraftError` when two of them use one name.
  public static func builtIn() throws -> Registry { try Registry(builtInPlugins) }
}
