#!/usr/bin/env bash
# Does each extra alone install and work? One virtual environment after the other, each with one extra and nothing else.
#
#   make extras                      all of them (each installs torch again: gigabytes and minutes)
#   make extras EXTRAS="hub modern"  some
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME="$work/cache" HF_HUB_OFFLINE=1
train="train digits --epochs 1 --limit 200 --threads 1 --quiet"

works() {
  case $1 in
    core) "$2/alexnet" $train --out "$work/core" ;;
    hub)
      "$2/python" -c "
import datasets, sklearn.datasets, PIL.Image, numpy as np, sys
held = sklearn.datasets.load_digits()
pictures = [PIL.Image.fromarray((one * 15).astype(np.uint8)) for one in held.images[:200]]
made = datasets.Dataset.from_dict({'image': pictures, 'label': [str(one) for one in held.target[:200]]})
datasets.DatasetDict({'train': made}).save_to_disk(sys.argv[1])" "$work/digits-hub"
      "$2/alexnet" train "hub:$work/digits-hub" --recipe digits --epochs 1 --threads 1 --quiet --out "$work/hub" ;;
    modern) "$2/alexnet" $train --augment.randaugment 1 --out "$work/modern" ;;
    insight) "$2/python" -c "import captum.attr, faiss" ;;
    study) "$2/python" -c "import skimage.feature, scipy.stats, optuna" ;;
    export) "$2/python" -c "import onnx, onnxscript, onnxruntime" ;;
    serve) "$2/python" -c "import fastapi, uvicorn, python_multipart" ;;
    log) "$2/python" -c "from torch.utils.tensorboard import SummaryWriter" ;;
    cluster) "$2/python" -c "import ray" ;;
    *) echo "there is no extra $1" >&2; return 2 ;;
  esac
}

for extra in ${EXTRAS:-core hub modern insight study export serve log cluster}; do
  wanted="."
  [ "$extra" = core ] || wanted=".[$extra]"
  echo "== $extra"
  "${PYTHON:-python3}" -m venv "$work/venv"
  "$work/venv/bin/python" -m pip install --disable-pip-version-check --quiet -c constraints.txt "$wanted"
  if "$work/venv/bin/python" -m pip list 2>/dev/null | grep -qi '^torchvision '; then
    echo "$extra brings torchvision" >&2
    exit 1
  fi
  "$work/venv/bin/python" -m pip check
  works "$extra" "$work/venv/bin" >/dev/null
  echo "   installs alone and works"
  rm -rf "$work/venv"
done
