"""Why a release failed, and how sure that is: judged from events, causes of health and logs. Pure.

In reading order: `verdict` (the judgement), `signs` (texts of AWS, servers, shells and installers that name a
cause), `logs` (what an instance's logs say), `log_lines` (which lines of a log tail are new), `diagnosis` (what is
known of a failure, and the failure told by its cause).
"""
