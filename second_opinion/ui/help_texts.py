"""What the page Help says, part by part, as markdown."""

STEPS = """
1. Give your name. It stands beside each of your verdicts.
2. Open **Single prediction**. A typical case is filled in; change it to one that you know.
3. Press **Predict**. The answer and how sure the model is appear beside the case, and below your
   buttons **Why this answer**: what each field does to it. That is about the model, not a cause.
4. Press **Agree** if you would have said the same. Press **Disagree** to say what is right, or
   **Unsure** if you cannot tell. "Saved" appears when your verdict is on disk, not before.
5. Changed your mind? Press **Change** or **Undo**. Your earlier verdict stays in the record, and
   the last one counts. **Your last cases** below the form open each of them again.

If you change a field after the answer, the verdict closes until you predict again: a verdict
belongs to exactly the case that was predicted.

Were you sent a link to answer cases? **Review queue** asks for your own answer to one case after
the other. You lock it, and only then see the model's; what you have begun goes on on another
device.
"""

MANY = """
1. Open **Batch upload**. **Template** is a file with the right columns; **What each column holds**
   says what may stand in them. Other columns are kept but not used.
2. Choose your file: CSV, Excel, JSON or Parquet, up to 50 MB. It is checked cell by cell, and
   nothing in it is changed or guessed. What is wrong is listed with its row in the file.
3. **Score** the good rows, or **Fix the file first**. The rows to correct come
   back as a file of their own.
4. The scoring goes on when you close the page. Its link, or the list on Batch upload, brings you
   back. After a restart of the server it goes on where it was.
5. Look at the rows, those that are flagged or not sure first if you like. **✓**, **✕** and **?**
   in a row are your verdict; **Open** shows the case. **Excel to read** has answers, flags and your
   verdicts in words; **Your file with the answers** each cell of your file as it came, then the
   answer, how sure the model is, and the flags.
"""

DRAWN = """
1. Open **Distributions**. It shows your latest batch beside the training data; choose another one,
   or narrow it down to cases of one kind. The link in the address bar keeps what you chose.
2. **Predictions** and **Confidence** show what the model says and how sure it is, **Features** on
   what kind of cases, those that differ most first. **Drift** says which features differ:
   chance does not explain it, and it is large enough to mind. Under 50 rows it does not judge.
3. Under **Features**, **Group by** one feature, or two, to see what the model says by them. Where
   the map is empty there is no case.
4. Click a bar, a tile or a point to list the cases behind it, and **Open** one to judge it. **As a
   table** has the figures with a list that goes to the same cases, **Numbers** is a file of them;
   the camera above a chart keeps it as a picture.
"""

SEEN = """
- **What is kept:** every case that you predict, every file that you have checked with all of its
  columns, the answers, your verdicts, the name and e-mail that you gave, and the times. Names and
  record numbers of people are not needed: leave them out. **Fix the file first** keeps none of
  its rows.
- **Who sees it:** whoever runs this app, and the reviewers of this model. Other experts do not see
  your cases and files, unless you give them the link of one: who has that link can open it.
- **Your name** is what you typed; nobody checks it, and verdicts are marked accordingly. This
  browser remembers it, with the list of your last cases, until you press **Not you?**.
"""

REVIEWING = """
**Feedback review** is for those who judge the model. It has every verdict, filters that stand in
the address, what the verdicts add up to (a click on a bar or a tile lists the verdicts behind it),
the kinds of cases in which the model fails, and the cases on which experts contradict each other: a
third person decides these, and the decided answer counts.
Verdicts, the cases to learn from, and a backup of the whole database can be downloaded there; each
download is on record.

**Release decision** says whether a model may be released: its owner freezes a target on the rows of
a scored file, sends each expert a link, and sees after every answer whether the target is
established, refuted, or not yet.

**Models** says what is in use. There the owner moves an alias, and edits what people read of a
model: title, texts, labels and units. An edit stands at once on every page, and who made it and
when is on record.
"""

CODES = """
**Codes.** Without a code set, everything is open on the machine that runs the app, and what is for
experts from elsewhere. Once one is set, what is for reviewers and for the owner opens with a code
everywhere: press **I have a code** below your name in the menu, or enter it together with your
name. It holds until you close or reload the page, and is not kept in the browser. After a wrong
code you have to wait a little. Some apps ask everybody for a code before anything is shown. The
person who runs the app sets the codes (EXPERT_CODE, REVIEWER_CODE, OWNER_CODE) and hands them out.
"""

TROUBLE = """
- **"The inputs changed"**: a field differs from the case that was predicted. Press Predict again.
- **The answer has a warning**: the case is unlike those the model learned from. It is still
  predicted, and your verdict is all the more welcome.
- **A check "stopped before the end of the file"**: the server was restarted meanwhile. Nothing of
  the file was kept; choose it again. A scoring goes on by itself.
- **A problem with a number such as 3f2a9c10**: give that number to the person who runs this app.
- **My last cases are gone**: they are remembered by the browser in which you entered them. Your
  verdicts are still in the database.
- **The page says "Connecting"**: the server restarts. What was "Saved" is safe; reload the page.
"""
