"""Dead letters as people handle them: one letter for one record however often it was buried, redriven or dropped.

letters.py    burials and settlements to letters, and which of them are asked for
words.py      keys and values of one agent's input: decoded, corrected, checked
redriving.py  what would be written for a letter, or the sentence why nothing can be
writing.py    records and their settlement in one Kafka transaction
showing.py    tables, stories and bytes for people, plain values for JSON
"""
