"""Output of LiteRT's benchmark tools: their line formats, with figures made up for the tests."""

_START = """INFO: STARTING!
INFO: Log parameter values verbosely: [1]
INFO: Min num runs: [50]
INFO: Min runs duration (seconds): [1]
INFO: Max runs duration (seconds): [150]
INFO: Num threads: [1]
INFO: Graph: [face.tflite]
INFO: Signature to run: []
INFO: #threads used for CPU inference: [1]
INFO: Loaded model face.tflite
INFO: Initialized TensorFlow Lite runtime.
"""
_TIMES = """INFO: The input model file size (MB): 1.76731
INFO: Initialized session in 9.412ms.
INFO: Running benchmark for at least 5 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=213 first=3917 curr=2035 min=2008 max=3917 avg=2338.6 std=210 p5=2013 median=2051 p95=2699

INFO: Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=488 first=2117 curr=2040 min=2001 max=2987 avg=2075.5 std=88 p5=2010 median=2041 p95=2388

INFO: Inference timings in us: Init: 9412, First inference: 3917, Warmup (avg): 2338.6, Inference (avg): 2075.5
INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the actual \
memory footprint of the model at runtime. Take the information at your discretion.
INFO: Memory footprint delta from the start of the tool (MB): init=6.13281 overall=9.70703
INFO: Overall peak memory footprint (MB) via periodic monitoring: 14.2617
INFO: Memory status at the end of exeution:
INFO: - VmRSS              : 16 MB
"""
CPU = (
    _START
    + """INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
VERBOSE: Replacing 492 out of 504 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 5 partitions for \
subgraph 0.
"""
    + _TIMES
)
GPU = (
    _START
    + """INFO: Use gpu: [1]
INFO: Created TensorFlow Lite delegate for GPU.
VERBOSE: Replacing 504 out of 504 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 1 partitions for subgraph \
0.
INFO: Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate.
"""
    + _TIMES
)
GPU_PARTLY = (
    _START
    + """INFO: Use gpu: [1]
INFO: Created TensorFlow Lite delegate for GPU.
ERROR: Following operations are not supported by GPU delegate:
ARG_MAX: Operation is not supported.
VERBOSE: Replacing 490 out of 504 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 1 partitions for subgraph \
0.
INFO: Explicitly applied GPU delegate, and the model graph will be partially executed by the delegate w/ 1 delegate \
kernels.
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
VERBOSE: Replacing 4 out of 15 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 2 partitions for subgraph 0.
"""
    + _TIMES
)
OLD = """STARTING!
Duplicate flags: num_threads
Log parameter values verbosely: [0]
Num threads: [4]
Graph: [/data/local/tmp/face.tflite]
#threads used for CPU inference: [4]
Loaded model /data/local/tmp/face.tflite
The input model file size (MB): 0.004448
Initialized session in 0.855ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
count=15 first=49060 curr=33682 min=32825 max=49060 avg=34825.1 std=3930

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
count=50 first=32891 curr=33978 min=32641 max=34005 avg=33209.4 std=450

Inference timings in us: Init: 855, First inference: 49060, Warmup (avg): 34825.1, Inference (avg): 33209.4
Peak memory footprint (MB): init=0 overall=12.8672
"""
COMPILED = """INFO: [benchmark_litert_model.h:88]
========== BENCHMARK RESULTS ==========
INFO: [benchmark_litert_model.h:92] Signature name:       serving_default
INFO: [benchmark_litert_model.h:94] Model initialization: 41.73 ms
INFO: [benchmark_litert_model.h:96] Warmup (first):       2.44 ms
INFO: [benchmark_litert_model.h:98] Warmup (avg):         2.01 ms (2 runs)
INFO: [benchmark_litert_model.h:100] Inference (avg):      1.93 ms (50 runs)
INFO: [benchmark_litert_model.h:104] Inference (min):      1.88 ms
INFO: [benchmark_litert_model.h:106] Inference (max):      2.31 ms
INFO: [benchmark_litert_model.h:108] Inference (std):      0.07
INFO: [benchmark_litert_model.h:124]
Memory Usage:
INFO: [benchmark_litert_model.h:126] Init footprint:       18.25 MB
INFO: [benchmark_litert_model.h:128] Overall footprint:    21.5 MB
INFO: [benchmark_litert_model.h:135] Peak memory usage not available. (peak_mem_mb <= 0)
"""
NOT_THERE = """INFO: STARTING!
INFO: Graph: [/data/local/tmp/gone.tflite]
ERROR: Could not open '/data/local/tmp/gone.tflite'.
ERROR: Failed to mmap model /data/local/tmp/gone.tflite
ERROR: Benchmarking failed.
"""
REFUSED = [
    (
        _START
        + "ERROR: TfLiteGpuDelegate Init: No shader implementation for transpose\n"
        + "INFO: Created 0 GPU delegate kernels.\n"
        + "ERROR: Restored original execution plan after delegate application failure.\n"
        + "ERROR: Failed to apply GPU delegate.\nERROR: Benchmarking failed.\n",
        "Failed to apply GPU delegate",
    ),
    (
        _START
        + "INFO: Though NNAPI delegate is explicitly applied, the model graph will not be executed by the delegate.\n"
        + _TIMES,
        "Though NNAPI delegate is explicitly applied, the model graph will not be executed",
    ),
    (
        _START + "WARN: GPU acceleration is unsupported on this platform.\n" + _TIMES,
        "GPU acceleration is unsupported on this platform",
    ),
    (
        "nnapi error: unable to open library libneuralnetworks.so\n" + _TIMES,
        "unable to open library libneuralnetworks.so",
    ),
]
