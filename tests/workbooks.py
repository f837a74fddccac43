"""Workbooks of a few cells, as their XML has them."""

import io
import zipfile
from datetime import date, datetime, timedelta
from xml.sax.saxutils import escape

# Which of the styles below is a date.
DATE = 3


def workbook(rows=None, /, **sheets):
    """An .xlsx with a sheet for each name: rows of cells from row 1; ``hidden_`` hides.

    A cell is a plain value, or a pair of its attributes and its XML.
    """
    sheets = sheets if rows is None else {"Sheet1": rows}
    file = io.BytesIO()
    names = list(sheets)
    with zipfile.ZipFile(file, "w") as archive:
        main_ns = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
        entries = "".join(
            f'<sheet name="{name.removeprefix("hidden_")}" sheetId="{at}" r:id="r{at}"'
            f"{' state=' + chr(34) + 'hidden' + chr(34) if name.startswith('hidden_') else ''}/>"
            for at, name in enumerate(names, start=1)
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook {main_ns} xmlns:r="{rel}"><sheets>{entries}</sheets></workbook>',
        )
        sheet_type = "application/vnd.openxmlformats-officedocument.spreadsheetml"
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Override PartName="/xl/workbook.xml" '
            f'ContentType="{sheet_type}.sheet.main+xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{rel}/officeDocument" Target="xl/workbook.xml"/>'
            "</Relationships>",
        )
        kind = f"{rel}/worksheet"
        entries = "".join(
            f'<Relationship Id="r{at}" Type="{kind}" Target="worksheets/sheet{at}.xml"/>'
            for at in range(1, len(names) + 1)
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f"{entries}</Relationships>",
        )
        formats = '<numFmts count="3"><numFmt numFmtId="164" formatCode="000"/>'
        formats += '<numFmt numFmtId="166" formatCode="[hh]:mm:ss"/>'
        formats += '<numFmt numFmtId="165" formatCode="&quot;0&quot;00"/></numFmts>'
        styles = "".join(f'<xf numFmtId="{n}"/>' for n in (0, 164, 165, 14, 166))
        archive.writestr(
            "xl/styles.xml",
            f"<styleSheet {main_ns}>{formats}<cellXfs>{styles}</cellXfs></styleSheet>",
        )
        for at, rows in enumerate(sheets.values(), start=1):
            body = "".join(
                f'<row r="{line}">{"".join(cell(c, n, line) for n, c in enumerate(row))}</row>'
                for line, row in enumerate(rows, start=1)
            )
            archive.writestr(
                f"xl/worksheets/sheet{at}.xml",
                f"<worksheet {main_ns}><sheetData>{body}</sheetData></worksheet>",
            )
    return file.getvalue()


def cell(content, column, line):
    place = f'r="{chr(65 + column)}{line}"'
    if content is None:
        return ""
    if isinstance(content, tuple):
        attributes, inner = content
        return f"<c {place} {attributes}>{inner}</c>"
    if isinstance(content, str):
        text = f'<t xml:space="preserve">{escape(content)}</t>'
        return f'<c {place} t="inlineStr"><is>{text}</is></c>'
    if isinstance(content, bool):
        return f'<c {place} t="b"><v>{int(content)}</v></c>'
    if isinstance(content, date):
        return f'<c {place} s="{DATE}"><v>{days_of(content)!r}</v></c>'
    return f"<c {place}><v>{content!r}</v></c>"


def days_of(moment):
    """The days since Excel's first one, a moment's with a fraction."""
    if isinstance(moment, datetime):
        return (moment - datetime(1899, 12, 30)) / timedelta(days=1)
    return (moment - date(1899, 12, 30)).days


def open_document(rows):
    """An .ods with one sheet named cases; a cell that begins with # is an error."""
    office = "urn:oasis:names:tc:opendocument:xmlns:"
    spaces = " ".join(f'xmlns:{name}="{office}{name}:1.0"' for name in ("office", "table", "text"))

    def open_cell(content):
        if content is None:
            return "<table:table-cell/>"
        if isinstance(content, str) and content.startswith("#"):
            formula = 'table:formula="of:=NA()" office:value-type="string" office:string-value=""'
            return f"<table:table-cell {formula}><text:p>{content}</text:p></table:table-cell>"
        kind = "string" if isinstance(content, str) else f'float" office:value="{content}'
        text = f"<text:p>{content}</text:p>"
        return f'<table:table-cell office:value-type="{kind}">{text}</table:table-cell>'

    body = "".join(
        f"<table:table-row>{''.join(map(open_cell, row))}</table:table-row>" for row in rows
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            f'<m:manifest xmlns:m="{office}manifest:1.0"><m:file-entry m:full-path="/" '
            'm:media-type="application/vnd.oasis.opendocument.spreadsheet"/></m:manifest>',
        )
        archive.writestr(
            "content.xml",
            f"<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="cases">{body}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return file.getvalue()
