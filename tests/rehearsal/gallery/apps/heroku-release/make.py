import os
from pathlib import Path

Path("made").write_text(f"made with port {os.environ.get('PORT', 'none')}")
