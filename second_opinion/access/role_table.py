"""Who may open which page and make which call: one table, which a test compares with the code.

A page has the least role that it opens to. A call has the act of `roles.MAY` that it refuses to
others, or one of the three words below.
"""

from __future__ import annotations

from typing import Final

from second_opinion.records.expert import Role

# It gives and changes what is of the person who asks (`by`) alone.
OWN: Final = "own"
# It tells nothing of what people said, or is reached through a call that asks.
OPEN: Final = "open"
# It is for the app, its commands and its workers; no page or caller hands it on.
PROGRAM_ALONE: Final = "program"

PAGES: Final[dict[str, Role]] = {
    "Home.py": "expert",
    "1_Single_prediction.py": "expert",
    "2_Batch_upload.py": "expert",
    "3_Review_queue.py": "expert",
    "4_Distributions.py": "expert",
    "5_Feedback_review.py": "reviewer",
    "6_Release_decision.py": "reviewer",
    "7_Models.py": "expert",
    "8_Help.py": "expert",
    "9_People_and_records.py": "owner",
}

# A call over HTTP: its method and path, with the act that it refuses to others. Of the open ones
# metrics asks for a token, and the description for one where pages ask who comes.
ROUTES: Final[dict[str, str]] = {
    "GET /api/docs": OPEN,
    "GET /api/health": OPEN,
    "GET /api/metrics": OPEN,
    "GET /api/models": "predict and give verdicts",
    "GET /api/models/{name}/{version}": "predict and give verdicts",
    "GET /api/openapi.json": OPEN,
    "GET /api/ready": OPEN,
    "GET /api/status": "see every verdict",
    "GET /api/verdicts": "see every verdict",
    "GET /ping": OPEN,
    "POST /api/predict": "predict and give verdicts",
    "POST /api/predictions": "predict and give verdicts",
    "POST /api/verdicts": "predict and give verdicts",
    "POST /invocations": "predict and give verdicts",
}

_BY_ACT: Final[dict[str, str]] = {
    "see every verdict": "Store.review Store.verdict_history VerdictLog.after Plans.answers",
    "export": "exports.export",
    "triage a verdict": "Review.triage",
    "decide a case": "Review.adjudicate Review.lock_own_answer",
    "take a copy of the database": "copies.backup copies.opened_copy",
    "draft a plan": (
        "Plans.closing Plans.draws Plans.find Plans.in_place Plans.listed Plans.open "
        "plan_of_batch.plan_of"
    ),
    "freeze or close a plan": "Plans.close Plans.freeze plan_of_batch.freeze",
    "invite experts": (
        "Invitations.invite Invitations.listed Invitations.renew Invitations.restore "
        "Invitations.revoke"
    ),
    "make tokens of programs": "MadeTokens.listed MadeTokens.make MadeTokens.revoke",
    "move an alias": "Store.move_alias aliases.promote aliases.rollback aliases.split",
    "edit a card": "Store.add_card_edits card_editing.edit",
    "restore a copy": "copies.restore",
    "read the log of events": (
        "EventLog.each EventLog.kinds EventLog.newest EventLog.page EventLog.people "
        "event_export.export_events"
    ),
    "see who is here": "Visits.latest",
    "free an address": "SignIns.free SignIns.held",
    "set how long things are kept": (
        "Retention.holdings Retention.over_time Retention.rules Retention.set_rule"
    ),
    OWN: (
        "Store.add_verdict Store.current_verdict Store.current_verdicts_of Store.history "
        "Store.prediction Batches.cancel Batches.check_own Batches.find Batches.judged_rows "
        "Batches.listed BlindCases.check_batch BlindCases.check_prediction BlindCases.closed "
        "BlindCases.before BlindCases.check_open BlindCases.waiting_cases "
        "BlindCases.batches ColumnChoices.add_pictures ColumnChoices.choose "
        "Queue.answered Queue.done Queue.draft Queue.has_closed Queue.is_answered "
        "Queue.keep_draft Queue.lock "
        "Queue.next Queue.plan_of_link Queue.plans Queue.skip Queue.waits Review.own_answer "
        "SignIns.current_holder SignIns.holder Invitations.arrive Invitations.holder Visits.note "
        "jobs.score"
    ),
    OPEN: (
        "Store.add_prediction Store.add_predictions Store.alias_moves Store.card_edits "
        "Store.effort ColumnChoices.latest ColumnChoices.picture_count ColumnChoices.pictures "
        "Singles.add_given Singles.counts Singles.listed Singles.sent Singles.verdicts "
        "Registry.card "
        "Registry.card_in_use Registry.load Registry.load_outcome Registry.look "
        "Registry.reference Registry.rows_file "
        "downloads.file_as_it_came downloads.problems_file downloads.rejected_file "
        "downloads.result_workbook downloads.scored_file downloads.table_file "
        "jobs.check jobs.model_of jobs.revive jobs.shown_name decision.assess decision.close "
        "decision.draw_table "
        # What `Store.review` opens.
        "Review.adjudications_of Review.arms Review.by_class Review.by_confidence Review.by_day "
        "Review.by_expert Review.by_mode Review.by_triage Review.by_version Review.case_sums "
        "Review.conflicts Review.confusion Review.each Review.each_prediction Review.effort "
        "Review.filter_values Review.judged Review.judged_cases Review.newest Review.numbers "
        "Review.on_several Review.page Review.progress Review.shared_case Review.shared_cases "
        "Review.shared_counts Review.shared_states Review.triage_of "
        "Review.undecided_draws Review.verdict Review.without_card"
    ),
    PROGRAM_ALONE: (
        "Store.close Store.damage Store.one_moment Store.open Store.reviewed EventLog.add "
        "Batches.add_chunk "
        "Batches.add_scored Batches.beat Batches.begin Batches.claim Batches.contents "
        "Batches.create Batches.fail Batches.finish Batches.finish_check "
        "Batches.give_up_stale_check Batches.is_whole Batches.next_chunk Batches.problems "
        "Batches.rejected Batches.release Batches.scored_chunks Batches.scored_of "
        "Batches.text_of MadeTokens.in_use "
        "SignIns.refuse Retention.sweep Registry.add Registry.hash_state Registry.next_version "
        "Registry.remove Registry.verify copies.check_copy copies.copy_database "
        "copies.replace_database aliases.managed jobs.bytes_held jobs.record "
        "plan_of_batch.answers_hash Plans.mark"
    ),
}
CALLS: Final = {call: act for act, calls in _BY_ACT.items() for call in calls.split()}
