"""`onecart init`: looks at a stranger's files and proposes their feeds and mapping as one YAML file.

`profiling` reads a sample and says what values are, `synonyms` what names mean, `recognise` which silver table and column they
feed, `layouts` and `expressions` how, `shop` whose they are; `propose` puts it together by `tables` and `columns` and asks
where it is unsure, `mapping` writes the file, `check` tries it on all rows.
"""
