from django.test import TestCase


class NoteTest(TestCase):
    def test_index(self):
        self.assertEqual(self.client.get("/notes/").status_code, 200)
