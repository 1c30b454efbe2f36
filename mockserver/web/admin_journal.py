"""placeholder"""
def register(admin, mock, door): pass
