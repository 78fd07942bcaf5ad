# run by the interpreter of a task; what it imports is compiled once
import sys

if __name__ == "__main__":
    folder = sys.path.pop(0)
    sys.path.insert(0, folder)
    import deco_worker

    worker = deco_worker.module("worker")
    sys.path.remove(folder)
    worker.main()
