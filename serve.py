"""The app with its gate and its API: `streamlit run serve.py`, or `uvicorn serve:app`.

The pages are those of Home.py; programs call below /api/, as /api/docs says. Files are taken from
people who may come in alone, before a byte of them is read.
"""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from second_opinion.api import mounting
from second_opinion.ui import remote_models
from second_opinion.ui.upload_gate import UploadGate

# Before the first visitor comes.
remote_models.start()

app = st.App(
    Path(__file__).with_name("Home.py"),
    routes=mounting.routes(),
    middleware=[*mounting.middleware(), Middleware(UploadGate)],
    lifespan=mounting.lifespan,
)
