"""`onecart init`: looks at a stranger's files and proposes their feeds and mapping as one YAML file.

`sniff` and `sample` read, `formats` and `kinds` say what values are, `synonyms` what names mean, `recognise` which silver table
and column they feed, `layouts` and `expressions` how, `shop` whose they are; `propose` puts it together and asks where it is
unsure, `mapping` writes the file, `check` tries it on all rows.
"""
